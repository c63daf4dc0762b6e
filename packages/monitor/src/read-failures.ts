/** Codes of a batch that could not be read. */
export const READ_FAILURES: readonly string[] = [
  'ERR_CELL_FORMAT',
  'ERR_DECRYPT',
  'ERR_KEY_DESTROYED',
  'ERR_KEY_DISABLED',
  'ERR_KEY_UNKNOWN',
  'ERR_SCOPE_MISMATCH',
  'ERR_VALUE_TYPE',
];
