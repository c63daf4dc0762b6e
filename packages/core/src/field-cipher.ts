import type { CellEngine, OpenJob, SealJob } from './aead/cell-engine.ts';
import type { AeadEngine, EngineName } from './aead/engine.ts';
import { selectEngine } from './aead/engines.ts';
import { messageCells } from './aead/message-cells.ts';
import { NoncePool } from './aead/nonce-pool.ts';
import { sizeOf, tally } from './batch-tally.ts';
import { isWellFormed } from './bytes.ts';
import { type Cell, decodeCell } from './cell.ts';
import { type BoundColumn, cellAad } from './context.ts';
import { decryptError, FieldsealError, isFieldsealError } from './errors.ts';
import { observed, publish } from './events.ts';
import { FieldKeys } from './field-keys.ts';
import type { ColumnType, FieldSpec } from './field-spec.ts';
import { KeyPrefixes } from './key-prefixes.ts';
import type { DataKey, KeyView } from './keyring/key-view.ts';
import type { ReadWatch } from './read-watch.ts';
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
  readonly #cells: CellEngine;
  readonly #keys = new FieldKeys();
  readonly #prefixes = new WeakMap<KeyView, KeyPrefixes>();
  readonly #nonces = new NoncePool();
  readonly #watch: readonly ReadWatch[];

  /**
   * @param options - `engine`: `auto` by default; `watch`: asked about every batch that is to be opened, and told of it
   * @throws ERR_ENGINE when the engine does not work here
   */
  constructor(options: { readonly engine?: EngineName | 'auto'; readonly watch?: readonly ReadWatch[] } = {}) {
    this.#watch = [...(options.watch ?? [])];
    this.#engine = selectEngine(options.engine);
    this.#cells = this.#engine.cells ?? messageCells(this.#engine);
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
    const started = startOf();
    const { primary } = view;
    const jobs: Draft[] = [];
    try {
      let bytes = 0;
      for (const field of fields) {
        const job = this.#draft(primary, field);
        jobs.push(job);
        // A UTF-16 unit has three bytes at most; what is counted is a bound, so that nothing is measured twice.
        bytes += typeof job.plaintext === 'string' ? 3 * job.plaintext.length : job.plaintext.length;
      }
      primary.count(jobs.length, bytes);
      // Values and listeners may bring code of others along, which may wipe keys: they are taken after it, so that none is used as zeros.
      for (const job of jobs) job.key = this.#fieldKey(primary, job.spec);
      const cells = this.#cells.seal(primary.suite, primary.header, jobs, this.#nonces);
      if (started !== undefined) this.#report('encrypt', fields, cells, 0, started);
      return cells;
    } finally {
      for (const { plaintext } of jobs) if (typeof plaintext !== 'string') plaintext.fill(0);
    }
  }

  /**
   * Recognises stored values as cells, without any key.
   *
   * @throws ERR_CELL_FORMAT for anything that is not a cell of the column's kind: plaintext, a truncated or a damaged value
   */
  parse(fields: readonly StoredField[]): CellField[] {
    const texts: string[] = [];
    for (const { stored } of fields) if (typeof stored === 'string') texts.push(stored);
    const parsed = this.#cells.parse(texts);
    let next = 0;
    return fields.map(({ spec, stored, binding }) => {
      const cell = typeof stored === 'string' ? parsed[next++] : null;
      if (cell != null && spec.column !== 'Bytes') return { spec, stored, binding, cell };
      try {
        return { spec, stored, binding, cell: decodeCell(storedCell(spec.column, stored)) };
      } catch (error) {
        throw this.#failed(error, spec);
      }
    });
  }

  /**
   * Decrypts stored values: what {@link parse} and {@link decrypt} do, with their errors, and faster where the view holds the keys of all.
   *
   * @returns null when it does not: then {@link parse} tells which keys are to be resolved
   */
  read(view: KeyView, fields: readonly StoredField[]): unknown[] | null {
    this.#admit(fields.length);
    const started = startOf();
    const { length } = fields;
    const stored: string[] = new Array(length);
    const keys: Uint8Array[] = new Array(length);
    const headers: Uint8Array[] = new Array(length);
    const aads: (Uint8Array | null)[] = new Array(length);
    const text: boolean[] = new Array(length);
    let older = 0;
    let prefixes = this.#prefixes.get(view);
    if (prefixes === undefined) {
      prefixes = new KeyPrefixes(view);
      this.#prefixes.set(view, prefixes);
    }
    for (let at = 0; at < length; at++) {
      const field = fields[at] as StoredField;
      const { spec, binding } = field;
      const key =
        typeof field.stored === 'string' && spec.column !== 'Bytes' ? prefixes.guess(field.stored) : undefined;
      if (key === undefined) return this.#readParsed(view, fields);
      stored[at] = field.stored as string;
      keys[at] = this.#fieldKey(key, spec);
      if (key !== view.primary) older++;
      headers[at] = key.header;
      aads[at] = binding === null ? null : cellAad(key.header, binding);
      text[at] = spec.type === 'String';
    }
    const opened = this.#cells.read({ stored, keys, headers, aads, text });
    try {
      const values: unknown[] = [];
      for (let at = 0; at < opened.length; at++) {
        const plaintext = opened[at] as string | Uint8Array | null;
        if (plaintext === null) return this.#readParsed(view, fields);
        values.push(typeof plaintext === 'string' ? plaintext : decodeOrNothing(fields[at] as StoredField, plaintext));
        if (values[at] === undefined) return this.#readParsed(view, fields);
      }
      this.#opened(fields);
      if (started !== undefined) this.#report('decrypt', fields, stored, older, started);
      return values;
    } finally {
      for (const plaintext of opened) if (plaintext instanceof Uint8Array) plaintext.fill(0);
    }
  }

  /** The long way: for Bytes columns, unknown keys and whatever is wrong. */
  #readParsed(view: KeyView, fields: readonly StoredField[]): unknown[] | null {
    const cells = this.parse(fields);
    return cells.every(({ cell }) => view.statuses.has(cell.keyId)) ? this.#decrypt(view, cells) : null;
  }

  /**
   * Decrypts parsed cells.
   *
   * @throws ERR_DECRYPT for any failed authentication, without a reason; ERR_KEY_UNKNOWN, or ERR_SCOPE_MISMATCH in another scope than the
   * application's, ERR_KEY_DISABLED, ERR_KEY_DESTROYED when the view does not hold the key; ERR_VALUE_TYPE when the cell holds another type than its field
   */
  decrypt(view: KeyView, fields: readonly CellField[]): unknown[] {
    this.#admit(fields.length);
    return this.#decrypt(view, fields);
  }

  #decrypt(view: KeyView, fields: readonly CellField[]): unknown[] {
    const started = startOf();
    const jobs = fields.map(({ spec, cell, binding }): OpenJob => {
      const key = this.#keys.get(this.#dataKey(view, cell, spec), spec);
      return { key, cell, aad: binding === null ? null : cellAad(cell.header, binding), text: spec.type === 'String' };
    });
    const opened = this.#cells.open(jobs);
    try {
      const values = opened.map((plaintext, at) => this.#value(fields[at] as CellField, plaintext));
      this.#opened(fields);
      if (started !== undefined) {
        const older = fields.reduce((sum, { cell }) => (cell.keyId === view.primary.keyId ? sum : sum + 1), 0);
        const stored = fields.map((field) => field.stored);
        this.#report('decrypt', fields, stored, older, started);
      }
      return values;
    } finally {
      for (const plaintext of opened) if (plaintext instanceof Uint8Array) plaintext.fill(0);
    }
  }

  #draft(key: DataKey, { spec, value, binding }: PlainField): Draft {
    try {
      const asText = spec.type === 'String' && spec.pad === null && typeof value === 'string' && isWellFormed(value);
      const plaintext = asText ? value : encodeValue(spec.type, value, spec.pad);
      const aad = binding === null ? null : cellAad(key.header, binding);
      return { spec, key: NO_KEY, plaintext, aad, text: spec.column !== 'Bytes' };
    } catch (error) {
      throw this.#failed(error, spec);
    }
  }

  #fieldKey(key: DataKey, spec: FieldSpec): Uint8Array {
    try {
      return this.#keys.get(key, spec);
    } catch (error) {
      throw this.#failed(error, spec);
    }
  }

  /** The one key that the header names. Another is never tried (spec/format.md §1). */
  #dataKey(view: KeyView, cell: Cell, spec: FieldSpec): DataKey {
    const key = view.keys.get(cell.keyId);
    if (key?.suite === cell.suite) return key;
    throw this.#failed(missingKey(view, cell.keyId, key !== undefined), spec, cell.keyId);
  }

  #value({ spec, cell }: CellField, plaintext: string | Uint8Array | null): unknown {
    if (typeof plaintext === 'string') return plaintext;
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
    for (const watch of this.#watch) watch.failed?.(error.code);
    return error.at({ model, field, keyId });
  }

  #admit(count: number): void {
    for (const watch of this.#watch) watch.admit?.(count);
  }

  #opened(fields: readonly StoredField[]): void {
    for (const watch of this.#watch) watch.opened?.(fields);
  }

  #report(
    operation: 'encrypt' | 'decrypt',
    batch: readonly { readonly spec: FieldSpec }[],
    cells: readonly unknown[],
    older: number,
    started: number,
  ): void {
    const ms = performance.now() - started;
    const { name: engine } = this.#engine;
    const fields = tally(batch);
    publish('fieldseal:cipher', { operation, count: batch.length, fields, older, size: sizeOf(cells), engine, ms });
  }
}

/** The value, or undefined, which no cell holds, when the bytes are of another type. */
function decodeOrNothing({ spec }: StoredField, plaintext: Uint8Array): unknown {
  try {
    return decodeValue(spec.type, plaintext);
  } catch {
    return undefined;
  }
}

/** What is to be encrypted, before its key is known. */
interface Draft extends SealJob {
  readonly spec: FieldSpec;
  key: Uint8Array;
}

/** An empty key, which no cipher takes. */
const NO_KEY = new Uint8Array(0);

/** The time if anybody wants to know how long it took, else undefined. */
function startOf(): number | undefined {
  return observed('fieldseal:cipher') ? performance.now() : undefined;
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
      if (view.scope !== '')
        return new FieldsealError(
          'ERR_SCOPE_MISMATCH',
          `a cell was encrypted under ${keyId}, which is no key of its scope`,
        );
      return new FieldsealError('ERR_KEY_UNKNOWN', `a cell was encrypted under the unknown key ${keyId}`);
  }
}
