/**
 * A key store of very many scopes on PostgreSQL, filled faster than an application has need to.
 *
 * @module
 */
import {
  createKeyring,
  generateRawKey,
  type KeyringStorage,
  type KeyStore,
  type KeysetRecord,
  keyringMemory,
  keyStoreTable,
  openKeyring,
  rawKey,
  type SlotOpener,
  type SqlClient,
  sqlKeyStore,
} from '@fieldseal/core';
import type { PrismaPg } from '@prisma/adapter-pg';

/** Rows of a statement that fills the store. */
const CHUNK = 2000;

/** What opens a keyring whose key store is filled. */
export interface FilledKeyStore {
  readonly storage: KeyringStorage;
  readonly openers: readonly SlotOpener[];
  readonly keyStore: KeyStore;
}

/** Creates a keyring with a key store at `client`, and in it the scopes `tenant-0` to `tenant-<tenants - 1>` beside the default one. */
export async function fillKeyStore(client: SqlClient, tenants: number): Promise<FilledKeyStore> {
  await client.execute(keyStoreTable('postgresql'), []);
  const filled = { storage: keyringMemory(), openers: [rawKey(generateRawKey())], keyStore: sqlKeyStore(client) };
  const filling = new FillingStore(client, filled.keyStore);
  (await createKeyring({ ...filled, keyStore: filling.store })).keyring.close();
  const filler = await openKeyring({ ...filled, keyStore: filling.store, cache: 'none' });
  for (let at = 0; at < tenants; at++) await filler.addScope(`tenant-${at}`);
  await filling.flush();
  filler.close();
  return filled;
}

/** Takes new keysets, and writes many of them by one statement, which the key store of an application has no need to do. */
class FillingStore {
  readonly #client: SqlClient;
  readonly #sql: KeyStore;
  readonly #waiting = new Map<string, KeysetRecord>();
  readonly store: KeyStore;

  constructor(client: SqlClient, sql: KeyStore) {
    this.#client = client;
    this.#sql = sql;
    this.store = {
      load: async (scope) => this.#waiting.get(scope) ?? (scope === '' ? sql.load(scope) : null),
      save: async (record, expected) => {
        if (record.scope === '') return sql.save(record, expected);
        if (this.#waiting.size >= CHUNK) await this.flush();
        this.#waiting.set(record.scope, record);
        return true;
      },
    };
  }

  async flush(): Promise<void> {
    const records = [...this.#waiting.values()];
    this.#waiting.clear();
    // The id of a row is what the store itself makes of a scope: one is written by it, and looked at.
    const rows = records.map((record) => ({ scope: record.scope, generation: 1, record: JSON.stringify(record) }));
    await this.#client.execute(
      `INSERT INTO fieldseal_key (id, scope, generation, record) SELECT 's' || encode(sha256(convert_to(scope, 'UTF8')), 'hex'), scope, generation, record FROM json_to_recordset($1::json) AS r(scope text, generation bigint, record text)`,
      [JSON.stringify(rows)],
    );
    const [one] = records;
    if (one !== undefined && (await this.#sql.load(one.scope)) === null) throw new Error('a row was not found again');
  }
}

/** A driver adapter as a key store takes it. */
export function clientOf(adapter: Awaited<ReturnType<PrismaPg['connect']>>): SqlClient {
  const query = (sql: string, args: readonly (string | number | null)[]) => ({
    sql,
    args: [...args],
    argTypes: args.map((value) => ({
      scalarType: typeof value === 'number' ? ('bigint' as const) : ('string' as const),
      arity: 'scalar' as const,
    })),
  });
  return {
    dialect: 'postgresql',
    rows: async (sql, values) => {
      const { columnNames, rows } = await adapter.queryRaw(query(sql, values));
      return rows.map((row) => Object.fromEntries(columnNames.map((name, at) => [name, row[at]])));
    },
    execute: (sql, values) => adapter.executeRaw(query(sql, values)),
  };
}
