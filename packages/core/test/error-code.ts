import { type ErrorCode, isFieldsealError } from '../src/errors.ts';

/** Code of the FieldsealError that `work` throws; `none` when it throws nothing. Any other error is thrown on. */
export function codeOf(work: () => unknown): ErrorCode | 'none' {
  try {
    work();
    return 'none';
  } catch (error) {
    return codeFrom(error);
  }
}

/** As {@link codeOf}, for a promise. */
export async function codeOfPromise(work: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return codeFrom(error);
  }
}

function codeFrom(error: unknown): ErrorCode {
  if (isFieldsealError(error)) return error.code;
  throw error;
}
