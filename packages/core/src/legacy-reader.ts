import { fromUtf8 } from './bytes.ts';
import { FieldsealError, isFieldsealError } from './errors.ts';

/** What another system encrypted: text, or bytes. */
export type LegacyPlaintext = string | Uint8Array;

/**
 * Opens values that another system encrypted, while rows move from it to Fieldseal. It only reads.
 *
 * A reader never guesses: what it does not open is an error, and never plaintext.
 */
export interface LegacyReader {
  /** Names the format and everything that decides how it is read, without any secret: workers of one job must agree on it. */
  readonly format: string;
  /** Whether a stored value has the form of this format. Needs no key. */
  recognizes(stored: LegacyPlaintext): boolean;
  /**
   * The plaintext of a value that is recognized.
   *
   * @throws ERR_DECRYPT when it does not open, ERR_KEY_UNKNOWN when it names a key that is not given, ERR_CELL_FORMAT when it is damaged
   * in its form, ERR_VALUE when what is in it cannot be served
   */
  open(stored: LegacyPlaintext): LegacyPlaintext;
}

/** The same for a system that is asked over a network, many values at a time. */
export interface RemoteLegacyReader {
  readonly format: string;
  recognizes(stored: LegacyPlaintext): boolean;
  /**
   * For each value its plaintext, or the error that lies in it, in the same order. Rejects when nothing can be opened now, as when the
   * system is away.
   */
  openAll(stored: readonly LegacyPlaintext[]): Promise<readonly (LegacyPlaintext | Error)[]>;
}

/** Place and types of a field, as its column holds plaintext. */
export interface LegacyPlace {
  readonly model: string;
  readonly field: string;
  /** Type of the column. */
  readonly column: string;
  /** Type of the field. */
  readonly type: string;
}

/**
 * Opens a stored value with the first reader that recognizes it.
 *
 * @returns null when no reader does
 * @throws what the reader throws; ERR_DECRYPT in place of errors that are not ours, which could hold the value
 */
export function openLegacy(readers: readonly LegacyReader[], stored: unknown): LegacyPlaintext | null {
  if (!isLegacyStored(stored)) return null;
  const reader = readers.find((known) => known.recognizes(stored));
  if (reader === undefined) return null;
  try {
    return reader.open(stored);
  } catch (error) {
    throw legacyError(error);
  }
}

/** Whether a stored value can be one of another system at all. */
export function isLegacyStored(stored: unknown): stored is LegacyPlaintext {
  return typeof stored === 'string' || stored instanceof Uint8Array;
}

/** An error of a reader, or ERR_DECRYPT in its place when it is not ours. */
export function legacyError(error: unknown): FieldsealError {
  if (isFieldsealError(error)) return error;
  return new FieldsealError('ERR_DECRYPT', 'a value of another system does not open', { hint: LEFT });
}

/** The error of a value that no reader recognizes. */
export function unrecognized(place?: Pick<LegacyPlace, 'model' | 'field'>): FieldsealError {
  const message = 'a value is neither a cell nor of a format that has a reader';
  return new FieldsealError('ERR_CELL_FORMAT', message, { model: place?.model, field: place?.field, hint: LEFT });
}

const LEFT = 'Check the reader and its keys. The value was left as it is.';

/**
 * What the column of a field would hold, stood the plaintext itself in it: bytes in a column of bytes, parsed JSON in one of Json, text elsewhere.
 *
 * @throws ERR_VALUE for bytes that are not UTF-8 where text is needed, ERR_VALUE_TYPE for text that is not JSON
 */
export function legacyStored({ model, field, column, type }: LegacyPlace, content: LegacyPlaintext): unknown {
  if (column === 'Bytes') return typeof content === 'string' ? Uint8Array.from(Buffer.from(content, 'utf8')) : content;
  const text = typeof content === 'string' ? content : fromUtf8(content);
  if (text === null) throw new FieldsealError('ERR_VALUE', 'what was opened is not text', { model, field });
  if (column !== 'Json' || type !== 'Json') return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // what is thrown could hold the text
    throw new FieldsealError('ERR_VALUE_TYPE', 'what was opened is not JSON', { model, field });
  }
}
