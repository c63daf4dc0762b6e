/**
 * Thrown by the testkit itself: a server that cannot be started, a scan that would look at nothing. It never means that the
 * code under test is wrong, and it holds no connection string and no scanned bytes.
 */
export class FieldsealTestError extends Error {
  override readonly name = 'FieldsealTestError';
}
