import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBackup, folderTarget, type RowPort, restoreBackup, rowSource, signingKey } from '@fieldseal/backup';
import { createKeyring, FieldCipher, generateRawKey, keyringFile, openKeyring, rawKey } from '@fieldseal/core';
import { adapterDatabase, sqlRowPort } from '@fieldseal/prisma/jobs';
import { PrismaPg } from '@prisma/adapter-pg';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';

/** What one process is to measure. */
export interface BackupTask {
  readonly rows: number;
  /** PostgreSQL database that is written to; null for a place that keeps nothing. */
  readonly url: string | null;
}

/** Making and restoring a backup of so many rows. */
export interface BackupSample {
  /** Rows a second into an archive that is read back and verified. */
  readonly createRate: number;
  /** Rows a second out of it: verified, planned and written. */
  readonly restoreRate: number;
  /** From nothing but archive, identity and key to a keyring that is open, in ms. */
  readonly keyringMs: number;
  /** The most resident memory above the start, in MB. */
  readonly rssMB: number;
}

const SCHEMA = `
datasource db {
  provider = "postgresql"
}
model BackupRow {
  id    String @id
  /// @encrypted
  email String
  city  String
}`;

/** Backs up rows of three columns, one of them a cell, and restores them. */
export async function measureBackup({ rows, url }: BackupTask): Promise<BackupSample> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-bench-'));
  const memory = new PeakMemory();
  const port = url === null ? null : await databasePort(url);
  try {
    const key = generateRawKey();
    const openers = [rawKey(key)];
    const storage = keyringFile(join(folder, 'ring.json'));
    const { keyring } = await createKeyring({ storage, openers });
    const view = await keyring.resolve('');
    const spec = {
      model: 'BackupRow',
      field: 'email',
      context: { model: 'BackupRow', field: 'email' },
      column: 'String',
      type: 'String',
      pad: null,
    } as const;
    const [cell] = new FieldCipher().encrypt(view, [{ spec, value: 'someone@example.com', binding: null }]);
    const identity = await generateX25519Identity();
    const signer = signingKey(generateRawKey());
    const target = folderTarget(join(folder, 'backups'));
    const recipients = [await identityToRecipient(identity)];
    const source = rowSource(madeRows(rows, String(cell), view.primary.keyId));
    const [{ name }, createMs] = await timed(() =>
      createBackup({ target, keyring: storage, sources: [source], recipients, signer }),
    );
    const access = { target, name, keys: [signer.public], identities: [identity], openers, apply: true };
    const places = { rows: port?.rows ?? nowhere() };
    const [, restoreMs] = await timed(() => restoreBackup({ ...access, ...places }));
    const bare = await createBackup({ target, keyring: storage, recipients, signer });
    const [, keyringMs] = await timed(async () => {
      const place = keyringFile(join(folder, 'restored.json'));
      await restoreBackup({ ...access, name: bare.name, keyring: place });
      (await openKeyring({ storage: place, openers })).close();
    });
    keyring.close();
    return {
      createRate: (rows / createMs) * 1000,
      restoreRate: (rows / restoreMs) * 1000,
      keyringMs,
      rssMB: memory.end(),
    };
  } finally {
    memory.end();
    await port?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function madeRows(count: number, email: string, keyId: string): RowPort {
  return {
    ...nowhere(),
    read: async function* () {
      for (let row = 0; row < count; row++) {
        const id = String(row).padStart(9, '0');
        yield { key: [id], columns: { id, email, city: `city ${row % 100}` }, keyIds: [keyId] };
      }
    },
  };
}

function nowhere(): RowPort {
  return {
    models: ['BackupRow'],
    read: async function* () {},
    find: async () => [],
    write: async () => undefined,
  };
}

async function databasePort(url: string): Promise<{ readonly rows: RowPort; close(): Promise<void> }> {
  const adapter = await new PrismaPg({ connectionString: url }).connect();
  const database = adapterDatabase(adapter, 'postgresql');
  await database.execute('DROP TABLE IF EXISTS "BackupRow"', []);
  await database.execute(
    'CREATE TABLE "BackupRow" ("id" TEXT PRIMARY KEY, "email" TEXT NOT NULL, "city" TEXT NOT NULL)',
    [],
  );
  return {
    rows: sqlRowPort({ database, schema: SCHEMA }),
    close: async () => {
      await database.execute('DROP TABLE IF EXISTS "BackupRow"', []);
      await adapter.dispose();
    },
  };
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const started = performance.now();
  const result = await work();
  return [result, performance.now() - started];
}

/** Looks at the resident memory every few ms. */
class PeakMemory {
  readonly #start: number;
  #most: number;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    globalThis.gc?.();
    this.#start = this.#most = process.memoryUsage.rss();
    this.#timer = setInterval(() => {
      this.#most = Math.max(this.#most, process.memoryUsage.rss());
    }, 20);
  }

  /** Megabytes above the start. */
  end(): number {
    clearInterval(this.#timer);
    return (this.#most - this.#start) / 1e6;
  }
}
