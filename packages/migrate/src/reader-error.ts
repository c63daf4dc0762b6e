/**
 * The errors of readers. They name the format, and never a value.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';

/** A value that does not open: another key, damage, or another place. Readers never say which. */
export function undecryptable(format: string): FieldsealError {
  return new FieldsealError('ERR_DECRYPT', `a value of the format ${format} does not open`, {
    hint: 'Check the keys and options of the reader. The value may be damaged, or written under another key.',
  });
}

/** A value that begins as one of the format does, and is none. */
export function malformed(format: string): FieldsealError {
  return new FieldsealError('ERR_CELL_FORMAT', `a value is not of the format ${format}`, {
    hint: 'It is damaged, or another system wrote it.',
  });
}

/** A value that names a key which the reader does not have. */
export function unknownKey(format: string): FieldsealError {
  return new FieldsealError('ERR_KEY_UNKNOWN', `a value of the format ${format} is under a key that is not given`, {
    hint: 'Give the older keys to the reader too.',
  });
}

/** What was opened cannot be served. */
export function unserved(format: string, why: string, hint: string): FieldsealError {
  return new FieldsealError('ERR_VALUE', `a value of the format ${format} ${why}`, { hint });
}

/** A key in an option that is none. */
export function badKey(format: string, expected: string): FieldsealError {
  return new FieldsealError('ERR_KEY_INVALID', `a key of the format ${format} is not ${expected}`);
}
