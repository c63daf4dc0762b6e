import { databaseFault } from '../database-fault.ts';
import { FieldsealError, isFieldsealError } from '../errors.ts';

/** An error of a driver without its message, which may hold values of a row; errors of ours stay as they are. */
export function databaseError(error: unknown): unknown {
  if (isFieldsealError(error) || error instanceof RangeError || error instanceof TypeError) return error;
  const { codes } = databaseFault(error);
  const code = codes.findLast((given) => /\d/.test(given)) ?? codes.at(-1) ?? 'no code'; // the innermost with a digit is the database's own
  return new FieldsealError('ERR_JOB_DATABASE', `the database answered a job with an error (${code})`);
}
