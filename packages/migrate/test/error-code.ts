import { isFieldsealError } from '@fieldseal/core';

/** Code of the error that work throws; it must be one of ours. */
export function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isFieldsealError(error)) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}
