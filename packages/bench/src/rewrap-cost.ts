/**
 * What it takes to wrap all keys of a key store again under a new KEK, on PostgreSQL: keys a second, and memory.
 *
 *     npm run -w packages/bench bench:rewrap -- [keys]
 *
 * A million wrapped keys by default: half of them DEKs and half index roots, of half a million scopes, under a KEK inside the keyring.
 */
import {
  addKek,
  createKeyring,
  generateRawKey,
  type KeyStore,
  type KeysetRecord,
  keyringMemory,
  keyStoreTable,
  openKeyring,
  rawKey,
  type SqlClient,
  sqlKeyStore,
} from '@fieldseal/core';
import { startPostgres } from '@fieldseal/testkit';
import { PrismaPg } from '@prisma/adapter-pg';

/** Keys of a scope: a DEK and an index root. */
const KEYS_OF_SCOPE = 2;
/** Rows of a statement that fills the store. */
const CHUNK = 2000;

async function main(keys: number): Promise<void> {
  const postgres = await startPostgres();
  const adapter = await new PrismaPg({ connectionString: await postgres.createDatabase() }).connect();
  const client = clientOf(adapter);
  try {
    await client.execute(keyStoreTable('postgresql'), []);
    const sql = sqlKeyStore(client);
    const opener = rawKey(generateRawKey());
    const storage = keyringMemory();
    const filling = new FillingStore(client, sql);
    const made = await createKeyring({ storage, openers: [opener], keyStore: filling.store });
    made.keyring.close();
    const filler = await openKeyring({ storage, openers: [opener], keyStore: filling.store, cache: 'none' });
    for (let at = 1; at < keys / KEYS_OF_SCOPE; at++) await filler.addScope(`tenant-${at}`);
    await filling.flush();
    filler.close();
    await addKek({ storage, openers: [opener] });
    const keyring = await openKeyring({ storage, openers: [opener], keyStore: sql });
    const idle = process.memoryUsage().rss;
    let memory = idle;
    const started = performance.now();
    const { rewrapped, failed } = await keyring.rewrap({
      progress: () => {
        memory = Math.max(memory, process.memoryUsage().rss);
      },
    });
    const seconds = (performance.now() - started) / 1000;
    const counts = await keyring.kekCensus();
    say(
      `${rewrapped.toLocaleString('en')} keys in ${seconds.toFixed(1)} s: ${Math.round(rewrapped / seconds).toLocaleString('en')} keys/s`,
    );
    say(`memory: ${megabytes(idle)} MB before, ${megabytes(memory)} MB at most; ${failed.length} keys did not unwrap`);
    say(`keys by KEK afterwards: ${[...counts.values()].map((count) => count.toLocaleString('en')).join(', ')}`);
    keyring.close();
  } finally {
    await adapter.dispose();
    await postgres.stop();
  }
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
function clientOf(adapter: Awaited<ReturnType<PrismaPg['connect']>>): SqlClient {
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

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main(Number(process.argv[2] ?? 1_000_000));
