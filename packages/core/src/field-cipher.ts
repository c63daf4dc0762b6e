import type { AeadEngine, AeadMessage, EngineName } from './aead/engine.ts';
import { selectEngine } from './aead/engines.ts';
import { NoncePool } from './aead/nonce-pool.ts';
import { type Cell, decodeCell, encodeCell, encodeCellText } from './cell.ts';
import { type BoundColumn, cellAad } from './context.ts';
import { decryptError, FieldsealError, isFieldsealError } from './errors.ts';
import { observed, publish } from './events.ts';
import type { ColumnType, FieldSpec } from './field-spec.ts';
import type { DataKey, KeyView } from './keyring/key-view.ts';
import { decodeValue, encodeValue } from './value.ts';

/** A value to encrypt. */
export interface PlainField {
  readonly spec: FieldSpec;
  /** Never null: NULL is stored as it is. */
  readonly value: unknown;
  /** Bound columns, or null. */
  readonly binding: readonly BoundColumn[] | null;
}

/** A stored value to decrypt. */
export interface StoredField {
  readonly spec: FieldSpec;
  /** As the column gives it. */
  readonly stored: unknown;
  /** Bound columns, or null. */
  readonly binding: readonly BoundColumn[] | null;
}

/** A stored value that was recognised as a cell. */
export interface CellField extends StoredField {
  readonly cell: Cell;
}

/**
 * Encrypts and decrypts batches of fields, synchronously, under keys that were resolved before.
 *
 * A batch succeeds or fails as a whole: a value that cannot be served throws, and nothing is returned.
 */
export class FieldCipher {
  readonly #engine: AeadEngine;
  readonly #nonces = new NoncePool();

  /** @param options - `engine`: `auto` by default. Throws ERR_ENGINE when the engine does not work here. */
  constructor(options: { readonly engine?: EngineName | 'auto' } = {}) {
    this.#engine = selectEngine(options.engine);
  }

  /** Name of the engine in use. */
  get engine(): EngineName {
    return this.#engine.name;
  }

  /**
   * Encrypts under the primary key. Gives what the column stores: a string for String and Json columns, bytes for Bytes columns.
   *
   * @throws ERR_VALUE for a value that is not of its field's type, ERR_KEY_EXHAUSTED when the key has encrypted all it may
   */
  encrypt(view: KeyView, fields: readonly PlainField[]): (string | Uint8Array)[] {
    const started = performance.now();
    const { primary } = view;
    const batch = fields.map((field) => this.#message(primary, field));
    primary.count(batch.length);
    const sealed = this.#engine.encrypt(batch);
    this.#report('encrypt', fields.length, started);
    return batch.map((message, at) => {
      message.data.fill(0);
      const cell = encodeCell(primary.header, message.nonce, sealed[at] as Uint8Array);
      return (fields[at] as PlainField).spec.column === 'Bytes' ? cell : encodeCellText(cell);
    });
  }

  /**
   * Recognises stored values as cells, without any key.
   *
   * @throws ERR_CELL_FORMAT for anything that is not a cell of the column's kind: plaintext, a truncated or a damaged value
   */
  parse(fields: readonly StoredField[]): CellField[] {
    return fields.map((field) => {
      try {
        return { ...field, cell: decodeCell(storedCell(field.spec.column, field.stored)) };
      } catch (error) {
        throw this.#failed(error, field.spec);
      }
    });
  }

  /**
   * Decrypts parsed cells.
   *
   * @throws ERR_DECRYPT for any failed authentication, without a reason; ERR_KEY_UNKNOWN, ERR_KEY_DISABLED, ERR_KEY_DESTROYED when the view
   * does not hold the key; ERR_VALUE_TYPE when the cell holds another type than its field
   */
  decrypt(view: KeyView, fields: readonly CellField[]): unknown[] {
    const started = performance.now();
    const batch = fields.map(({ spec, cell, binding }): AeadMessage => {
      const { model, field } = spec.context;
      const key = this.#key(view, cell, spec).fieldKey(model, field).expose();
      return { suite: cell.suite, key, nonce: cell.nonce, aad: cellAad(cell.header, binding), data: cell.sealed };
    });
    const opened = this.#engine.decrypt(batch);
    try {
      const values = opened.map((plaintext, at) => this.#value(fields[at] as CellField, plaintext));
      this.#report('decrypt', fields.length, started);
      return values;
    } finally {
      for (const plaintext of opened) plaintext?.fill(0);
    }
  }

  #message(key: DataKey, { spec, value, binding }: PlainField): AeadMessage {
    const { model, field } = spec.context;
    try {
      const data = encodeValue(spec.type, value, spec.pad);
      const aad = cellAad(key.header, binding);
      return { suite: key.suite, key: key.fieldKey(model, field).expose(), nonce: this.#nonces.take(), aad, data };
    } catch (error) {
      throw this.#failed(error, spec);
    }
  }

  /** The one key that the header names. Another is never tried (spec/format.md §1). */
  #key(view: KeyView, cell: Cell, spec: FieldSpec): DataKey {
    const key = view.keys.get(cell.keyId);
    if (key?.suite === cell.suite) return key;
    throw this.#failed(missingKey(view, cell.keyId, key !== undefined), spec, cell.keyId);
  }

  #value({ spec, cell }: CellField, plaintext: Uint8Array | null): unknown {
    try {
      if (plaintext === null) throw decryptError({});
      return decodeValue(spec.type, plaintext);
    } catch (error) {
      throw this.#failed(error, spec, cell.keyId);
    }
  }

  /** The same error with the field in it, published for whoever watches. */
  #failed(error: unknown, { model, field }: FieldSpec, keyId?: string): unknown {
    if (!isFieldsealError(error)) return error;
    if (observed('fieldseal:failure')) publish('fieldseal:failure', { code: error.code, model, field, keyId });
    return error.at({ model, field, keyId });
  }

  #report(operation: 'encrypt' | 'decrypt', count: number, started: number): void {
    if (!observed('fieldseal:cipher')) return;
    publish('fieldseal:cipher', { operation, count, engine: this.#engine.name, ms: performance.now() - started });
  }
}

/** What a column of this kind stores for a cell; anything else, a parsed Json value say, is no cell. */
function storedCell(column: ColumnType, stored: unknown): string | Uint8Array {
  if (column === 'Bytes' ? stored instanceof Uint8Array : typeof stored === 'string')
    return stored as string | Uint8Array;
  throw new FieldsealError('ERR_CELL_FORMAT', 'a stored value is not a cell');
}

function missingKey(view: KeyView, keyId: string, otherSuite: boolean): FieldsealError {
  if (otherSuite) return decryptError({});
  switch (view.statuses.get(keyId)) {
    case 'disabled':
      return new FieldsealError('ERR_KEY_DISABLED', `a cell was encrypted under the disabled key ${keyId}`);
    case 'destroyed':
      return new FieldsealError('ERR_KEY_DESTROYED', `a cell was encrypted under the destroyed key ${keyId}`);
    default:
      return new FieldsealError('ERR_KEY_UNKNOWN', `a cell was encrypted under the unknown key ${keyId}`);
  }
}
