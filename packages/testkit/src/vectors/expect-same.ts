import { FieldsealTestError } from '../testkit-error.ts';

/** Compares an answer with the known one; bytes are compared, and shown, in hexadecimal. Vectors hold no secret. */
export function expectSame(what: string, actual: string | Uint8Array, expected: string | Uint8Array): void {
  const [got, wanted] = [show(actual), show(expected)];
  if (got !== wanted) throw new FieldsealTestError(`${what} is ${got} and should be ${wanted}`);
}

function show(answer: string | Uint8Array): string {
  return typeof answer === 'string' ? answer : Buffer.from(answer).toString('hex');
}
