/**
 * A key store in one table of an SQL database. A scope has one row with its keyset, and one row per key id, which makes the id unique in the
 * whole store. Each statement stands alone, so that pools serve, and an open transaction too:
 *
 *     id                     scope   generation  record
 *     s<SHA-256 of scope>    acme    3           {"scope":"acme","generation":3,…}
 *     k<key id>              acme    0           NULL
 *
 * Key ids are written before the keyset that holds them. A writer who loses the race leaves the rows of keys that were never used behind.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type DatabaseFault, databaseFault } from '../database-fault.ts';
import { FieldsealError, isFieldsealError } from '../errors.ts';
import type { KeyStore, RecordChange } from './key-store.ts';
import { type KeysetRecord, keyIdsOf, parseKeysetRecord } from './keyset-record.ts';
import { takenKeyId } from './memory.ts';
import type { SqlClient, SqlRow, SqlValue } from './sql-client.ts';
import { KEY_STORE_TABLE, quotedTable } from './sql-schema.ts';

/** Rows per statement: far below the parameters that any of the databases takes. */
const PER_STATEMENT = 1000;
/** Rows of an UPDATE, which looks for the text of each among all. */
const PER_UPDATE = 100;

/** Attempts of a statement that the database gave up because of others. */
const ATTEMPTS = 5;
/** Serialization failure and deadlock of PostgreSQL, deadlock and lock timeout of MySQL, busy SQLite. */
const PASSING: readonly string[] = ['40001', '40P01', 'ER_LOCK_DEADLOCK', '1213', 'SQLITE_BUSY'];
/** Longest pause before the next attempt, in ms; random, so that writers do not meet again. */
const MAX_PAUSE_MS = 20;

/** Options of {@link sqlKeyStore}. */
export interface SqlKeyStoreOptions {
  /** Name of the table, with its schema before a dot if need be; `fieldseal_key` by default. */
  readonly table?: string;
}

/**
 * A key store in the table that `keyStoreTable` makes.
 *
 * @param client - made by pgClient, mariadbClient, sqliteClient, or your own
 *
 * @example
 * ```ts
 * const keyStore = sqlKeyStore(pgClient(pool));
 * ```
 */
export function sqlKeyStore(client: SqlClient, options: SqlKeyStoreOptions = {}): KeyStore {
  return new SqlKeyStore(client, quotedTable(client.dialect, options.table ?? KEY_STORE_TABLE));
}

class SqlKeyStore implements KeyStore {
  readonly #client: SqlClient;
  readonly #table: string;

  constructor(client: SqlClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async load(scope: string): Promise<KeysetRecord | null> {
    return (await this.loadMany([scope])).get(scope) ?? null;
  }

  async loadMany(scopes: readonly string[]): Promise<ReadonlyMap<string, KeysetRecord>> {
    const wanted = new Map([...new Set(scopes)].map((scope) => [scopeId(scope), scope]));
    const found = new Map<string, KeysetRecord>();
    for (const row of await this.#rowsOf([...wanted.keys()])) {
      const record = recordOf(row);
      if (record.scope !== wanted.get(String(row['id'])))
        throw new FieldsealError('ERR_KEY_STORE', 'a row of the key store holds the keyset of another scope');
      found.set(record.scope, record);
    }
    return found;
  }

  async save(record: KeysetRecord, expected: number | null): Promise<boolean> {
    const stored = await this.load(record.scope);
    if ((stored?.generation ?? null) !== expected) return false;
    await this.#reserve(keyIdsOf(record), record.scope);
    const values = [record.scope, record.generation, JSON.stringify(record), scopeId(record.scope)];
    if (expected === null) return (await this.#insert([values])) === 1;
    const [scope, generation, text, id, before] = this.#places(5);
    const changed = await this.#run((client) =>
      client.execute(
        `UPDATE ${this.#table} SET scope = ${scope}, generation = ${generation}, record = ${text} ` +
          `WHERE id = ${id} AND generation = ${before}`,
        [...values, expected],
      ),
    );
    return changed === 1;
  }

  async saveMany(changes: readonly RecordChange[]): Promise<ReadonlySet<string>> {
    const saved = new Set<string>();
    for (let at = 0; at < changes.length; at += PER_UPDATE)
      for (const scope of await this.#replace(changes.slice(at, at + PER_UPDATE))) saved.add(scope);
    return saved;
  }

  /** Compare-and-set of several rows by one statement, in the order of their ids, so that writers do not wait for each other in a circle. */
  async #replace(changes: readonly RecordChange[]): Promise<readonly string[]> {
    const rows = changes
      .map(({ record, expected }) => ({ record, expected, id: scopeId(record.scope), text: JSON.stringify(record) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const places = this.#places(4 * rows.length).values();
    const place = (): string => places.next().value as string;
    const texts = rows.map(() => `WHEN ${place()} THEN ${place()}`).join(' ');
    const there = rows.map(() => `(id = ${place()} AND generation = ${place()})`).join(' OR ');
    const changed = await this.#run((client) =>
      client.execute(
        `UPDATE ${this.#table} SET record = CASE id ${texts} END, generation = generation + 1 WHERE ${there}`,
        [...rows.flatMap(({ id, text }) => [id, text]), ...rows.flatMap(({ id, expected }) => [id, expected])],
      ),
    );
    if (changed === rows.length) return rows.map(({ record }) => record.scope);
    // Some were changed by others: what is there now tells which are ours, since no two wrappings of a key are the same.
    const stored = new Map((await this.#rowsOf(rows.map(({ id }) => id))).map((row) => [row['id'], row['record']]));
    return rows.flatMap(({ id, text, record }) => (stored.get(id) === text ? [record.scope] : []));
  }

  async *scopes(): AsyncIterable<string> {
    let last = 's';
    for (;;) {
      const [after] = this.#places(1);
      const sql = `SELECT id, scope FROM ${this.#table} WHERE id > ${after} AND id < 't' ORDER BY id LIMIT ${PER_STATEMENT}`;
      const from = last;
      const rows = await this.#run((client) => client.rows(sql, [from]));
      for (const row of rows) yield String(row['scope']);
      if (rows.length < PER_STATEMENT) return;
      last = String(rows.at(-1)?.['id']);
    }
  }

  /**
   * Writes down whose the key ids are.
   *
   * @throws ERR_KEY_STORE when one belongs to another scope
   */
  async #reserve(keyIds: readonly string[], scope: string): Promise<void> {
    const ids = keyIds.map((keyId) => `k${keyId}`).sort(); // in one order, so that writers do not wait for each other in a circle
    const refuseTaken = (rows: readonly SqlRow[]): void => {
      for (const row of rows) if (row['scope'] !== scope) throw takenKeyId(String(row['id']).slice(1));
    };
    const there = await this.#rowsOf(ids);
    refuseTaken(there);
    const known = new Set(there.map((row) => row['id']));
    const missing = ids.filter((id) => !known.has(id));
    if (missing.length === 0) return;
    await this.#insert(missing.map((id) => [scope, 0, null, id]));
    refuseTaken(await this.#rowsOf(missing));
  }

  async #rowsOf(ids: readonly string[]): Promise<readonly SqlRow[]> {
    const parts: SqlRow[] = [];
    for (let at = 0; at < ids.length; at += PER_STATEMENT) {
      const part = ids.slice(at, at + PER_STATEMENT);
      const sql = `SELECT id, scope, record FROM ${this.#table} WHERE id IN (${this.#places(part.length).join(', ')})`;
      parts.push(...(await this.#run((client) => client.rows(sql, part))));
    }
    return parts;
  }

  /** Inserts rows of scope, generation, record and id, leaving ids alone that are there. Returns how many were inserted. */
  async #insert(rows: readonly (readonly SqlValue[])[]): Promise<number> {
    const places = this.#places(rows.length * 4);
    const tuples = rows.map((_, at) => `(${places.slice(4 * at, 4 * at + 4).join(', ')})`);
    // MySQL has no ON CONFLICT DO NOTHING, and ON DUPLICATE KEY counts by an option of its client. IGNORE would cut what is too long, but the
    // columns hold all that is written.
    const [verb, end] =
      this.#client.dialect === 'mysql' ? ['INSERT IGNORE', ''] : ['INSERT', ' ON CONFLICT DO NOTHING'];
    const sql = `${verb} INTO ${this.#table} (scope, generation, record, id) VALUES ${tuples.join(', ')}${end}`;
    return this.#run((client) => client.execute(sql, rows.flat()));
  }

  #places(count: number): string[] {
    return Array.from({ length: count }, (_, at) => (this.#client.dialect === 'postgresql' ? `$${at + 1}` : '?'));
  }

  /** Runs a statement, again where others made the database give it up. The error shows nothing of the driver's but its code. */
  async #run<T>(work: (client: SqlClient) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(this.#client);
      } catch (error) {
        if (isFieldsealError(error)) throw error;
        const fault = databaseFault(error);
        if (attempt === ATTEMPTS || !fault.codes.some((code) => PASSING.includes(code))) throw storeError(fault);
        await pause(Math.random() * MAX_PAUSE_MS * attempt);
      }
    }
  }
}

/** Names of scopes may have any length and case, which keys of a table may not. */
function scopeId(scope: string): string {
  return `s${createHash('sha256').update(scope, 'utf8').digest('hex')}`;
}

function recordOf(row: SqlRow): KeysetRecord {
  let json: unknown;
  try {
    json = JSON.parse(String(row['record']));
  } catch {
    throw new FieldsealError('ERR_KEY_STORE', 'a row of the key store is not JSON'); // V8's message quotes the text
  }
  return parseKeysetRecord(json);
}

function storeError(fault: DatabaseFault): FieldsealError {
  const code = fault.codes.length === 0 ? 'no code' : fault.codes.join(' ');
  const hint = 'Check that the database is reachable and has the table that `fieldseal keys table` prints.';
  const message = `the database of the key store gave an error (${code})`;
  return new FieldsealError('ERR_KEY_STORE', message, { hint, cause: fault });
}
