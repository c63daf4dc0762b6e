import { join } from 'node:path';
import { createKeyring, fileKeyStore, keyringFile, keyStoreTable, rawKey, sqlKeyStore } from '@fieldseal/core';
import { readSchemaMap } from '@fieldseal/prisma/internal';
import { sampleKeyset } from '@fieldseal/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { adapterClient } from '../src/commands/keys/adapter-client.ts';
import { connect } from '../src/doctor/adapter.ts';
import { checkDatabase } from '../src/doctor/database-check.ts';
import { Progress } from '../src/doctor/progress.ts';
import { Project, type Provider, type Sealed, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, startServer, stopServers, type Target } from './doctor-target.ts';
import { fieldseal, parsed } from './harness.ts';

afterAll(stopServers);

/** What is needed to plant a fault. */
interface Planter {
  readonly target: Target;
  readonly ours: Sealed;
  readonly theirs: Sealed;
  /** A cell under a key that was disabled later. */
  readonly old: string;
}

const hex = (bytes: Uint8Array): string => `X'${Buffer.from(bytes).toString('hex')}'`;

/** A row as the extension writes it. */
async function healthyRow({ target, ours }: Planter, id: string): Promise<void> {
  await target.run(
    `INSERT INTO "patients" ("patient_id", "email", "email_index", "phone", "phoneIndex", "note", "photo", "profile") VALUES ` +
      `('${id}', '${ours.text('a')}', '${ours.term('email', id)}', '${ours.text('b')}', '${ours.term('phone', 'b')}', ` +
      `'${ours.text('')}', ${hex(ours.bytes('c'))}, '"${ours.text('d')}"')`,
  );
}

const set = (assignment: string) => (planter: Planter) =>
  planter.target.run(`UPDATE "patients" SET ${assignment} WHERE "patient_id" = 'one'`);

/** A fault of one row, and the finding that it must give. Nothing else is found. */
type Fault = readonly [name: string, plant: (planter: Planter) => Promise<void>, finding: string];
const FAULTS: readonly Fault[] = [
  ['plaintext in a String column', set(`"note" = 'plain'`), 'rows.plaintext Patient.note'],
  ['an empty text', set(`"note" = ''`), 'rows.plaintext Patient.note'],
  [
    'the prefix in capital letters',
    (p) => set(`"note" = 'FS1${p.ours.text('x').slice(3)}'`)(p),
    'rows.plaintext Patient.note',
  ],
  ['plaintext in a Bytes column', set(`"photo" = X'${'ab'.repeat(80)}'`), 'rows.plaintext Patient.photo'],
  ['short bytes that begin like a cell', set(`"photo" = X'1122'`), 'rows.plaintext Patient.photo'],
  ['no bytes', set(`"photo" = X''`), 'rows.plaintext Patient.photo'],
  ['plaintext in a Json column', set(`"profile" = '{"a": "fs1:"}'`), 'rows.plaintext Patient.profile'],
  ['a plain Json string', set(`"profile" = '"plain"'`), 'rows.plaintext Patient.profile'],
  [
    'a cell that was cut off',
    (p) => set(`"note" = '${p.ours.text('x').slice(0, 60)}'`)(p),
    'rows.damaged Patient.note',
  ],
  [
    'a cell of an unknown suite',
    (p) => set(`"note" = 'fs1:Zz${p.ours.text('x').slice(6)}'`)(p),
    'rows.damaged Patient.note',
  ],
  ['cells of another keyring', (p) => set(`"note" = '${p.theirs.text('x')}'`)(p), 'keys.unknown Patient.note'],
  ['bytes of another keyring', (p) => set(`"photo" = ${hex(p.theirs.bytes('x'))}`)(p), 'keys.unknown Patient.photo'],
  ['cells under a disabled key', (p) => set(`"profile" = '"${p.old}"'`)(p), 'keys.disabled Patient.profile'],
  ['no term', set('"phoneIndex" = NULL'), 'index.term-missing Patient.phoneIndex'],
  ['a term and no value', set('"phone" = NULL'), 'index.term-orphan Patient.phoneIndex'],
  ['plaintext for a term', set(`"phoneIndex" = '555-1234'`), 'index.term-malformed Patient.phoneIndex'],
  [
    'a term of other bits',
    (p) => set(`"phoneIndex" = '${p.ours.term('phone', 'b').slice(0, -2)}'`)(p),
    'index.term-malformed Patient.phoneIndex',
  ],
  [
    'a term in capital letters',
    set(`"phoneIndex" = '1.${'AB'.repeat(16)}'`),
    'index.term-malformed Patient.phoneIndex',
  ],
  ['a term of another version', set(`"phoneIndex" = '7.${'ab'.repeat(16)}'`), 'index.term-version Patient.phoneIndex'],
];

const NO_TERMS = 'UPDATE "patients" SET "phone" = NULL, "phoneIndex" = NULL';

/** Faults of the tables, as statements of each database where they differ. */
const STRUCTURE: readonly (readonly [
  name: string,
  sql: readonly string[] | Partial<Record<Provider, readonly string[]>>,
  finding: string,
])[] = [
  ['a missing table', ['DROP TABLE "patients"'], 'database.table Patient'],
  ['a missing column', ['ALTER TABLE "patients" DROP COLUMN "note"'], 'database.column Patient.note'],
  [
    'a missing index',
    {
      sqlite: ['DROP INDEX "phone_idx"'],
      postgresql: ['DROP INDEX "phone_idx"'],
      mysql: ['DROP INDEX "phone_idx" ON "patients"'],
    },
    'index.unindexed Patient.phoneIndex',
  ],
  [
    'an index that is not unique',
    {
      sqlite: ['DROP INDEX "email_key"', 'CREATE INDEX "email_idx" ON "patients" ("email_index")'],
      postgresql: ['DROP INDEX "email_key"', 'CREATE INDEX "email_idx" ON "patients" ("email_index")'],
      mysql: ['DROP INDEX "email_key" ON "patients"', 'CREATE INDEX "email_idx" ON "patients" ("email_index")'],
    },
    'index.not-unique Patient.emailIndex',
  ],
  [
    'a unique index over two columns',
    {
      sqlite: ['DROP INDEX "email_key"', 'CREATE UNIQUE INDEX "email_key" ON "patients" ("email_index", "patient_id")'],
      postgresql: [
        'DROP INDEX "email_key"',
        'CREATE UNIQUE INDEX "email_key" ON "patients" ("email_index", "patient_id")',
      ],
      mysql: [
        'DROP INDEX "email_key" ON "patients"',
        'CREATE UNIQUE INDEX "email_key" ON "patients" ("email_index", "patient_id")',
      ],
    },
    'index.not-unique Patient.emailIndex',
  ],
  [
    'a unique index over a part of the rows',
    {
      sqlite: [
        'DROP INDEX "email_key"',
        `CREATE UNIQUE INDEX "email_key" ON "patients" ("email_index") WHERE "patient_id" > 'x'`,
      ],
      postgresql: [
        'DROP INDEX "email_key"',
        `CREATE UNIQUE INDEX "email_key" ON "patients" ("email_index") WHERE "patient_id" > 'x'`,
      ],
    },
    'index.not-unique Patient.emailIndex',
  ],
  [
    'a column that is too short',
    {
      postgresql: ['ALTER TABLE "patients" ALTER COLUMN "note" TYPE VARCHAR(100)'],
      mysql: ['ALTER TABLE "patients" MODIFY "note" VARCHAR(100)'],
    },
    'column.type Patient.note',
  ],
  [
    'a column of another type',
    {
      sqlite: ['ALTER TABLE "patients" DROP COLUMN "note"', 'ALTER TABLE "patients" ADD COLUMN "note" INTEGER'],
      postgresql: ['ALTER TABLE "patients" DROP COLUMN "note"', 'ALTER TABLE "patients" ADD COLUMN "note" CHAR(200)'],
      mysql: ['ALTER TABLE "patients" MODIFY "note" TINYTEXT'],
    },
    'column.type Patient.note',
  ],
  [
    'a term column that is too short',
    {
      postgresql: [NO_TERMS, 'ALTER TABLE "patients" ALTER COLUMN "phoneIndex" TYPE VARCHAR(20)'],
      mysql: [NO_TERMS, 'ALTER TABLE "patients" MODIFY "phoneIndex" VARCHAR(20)'],
    },
    'column.type Patient.phoneIndex',
  ],
  [
    'an id that folds case',
    {
      sqlite: [
        'ALTER TABLE "patients" RENAME TO "before"',
        'CREATE TABLE "patients" ("patient_id" TEXT COLLATE NOCASE PRIMARY KEY, "email" TEXT, "email_index" TEXT UNIQUE, "phone" TEXT, "phoneIndex" TEXT UNIQUE, "note" TEXT, "photo" BLOB, "profile" TEXT)',
        'DROP TABLE "before"',
      ],
      postgresql: [
        `CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
        'ALTER TABLE "patients" ALTER COLUMN "patient_id" TYPE TEXT COLLATE folding',
      ],
    },
    'bound.collation Patient.id',
  ],
];

describe.each<Provider>(['sqlite', 'postgresql', 'mysql'])('%s', (provider) => {
  let project: Project;
  let planter: Planter;

  beforeAll(async () => {
    await startServer(provider);
    project = new Project();
    project.schema(schemaOf(provider));
    const keyring = await project.keyring();
    const old = (await sealed(keyring)).text('x');
    const first = (await keyring.describe()).keysets[0]?.data.primary ?? '';
    await keyring.rotate();
    await keyring.disable(first);
    const target = await openTarget(provider, project);
    project.env['DATABASE_URL'] = target.url;
    planter = { target, old, ours: await sealed(keyring), theirs: await sealed(await project.keyring('theirs.json')) };
  });
  beforeEach(async () => {
    project.schema(schemaOf(provider));
    await planter.target.reset();
    await healthyRow(planter, 'one');
    await healthyRow(planter, 'two');
  });
  afterAll(async () => {
    await planter?.target.close();
    project?.remove();
  });

  const found = async (...argv: string[]) =>
    (await project.findings(...argv)).map(({ id, place, rows }) => [
      `${id} ${place}`,
      ...(rows === undefined ? [] : [rows]),
    ]);

  test('a healthy application has no findings', async () => {
    const outcome = await project.doctor('--json', '--strict');
    expect(parsed(outcome)).toMatchObject({
      healthy: true,
      summary: { errors: 0, warnings: 0, notes: 0 },
      checked: {
        schema: { path: 'prisma/schema.prisma', provider },
        models: 1,
        encryptedFields: 5,
        indexes: 2,
        keyring: 'open',
        database: 'checked',
      },
      fields: ['email', 'phone', 'note', 'photo', 'profile'].map((field) => ({
        field: `Patient.${field}`,
        values: 2,
        encrypted: 2,
        plaintext: 0,
        sample: null,
      })),
      findings: [],
    });
    expect(outcome.code).toBe(0);
    expect((await project.doctor()).stdout).toMatch(/^Patient\.email +2 +2 +0$/m);
  });

  test('the cells of each key are counted', async () => {
    await planter.target.run(
      `UPDATE "patients" SET "profile" = '"${planter.old}"', "email" = NULL WHERE "patient_id" = 'one'`,
    );
    await planter.target.run(
      `UPDATE "patients" SET "note" = '${planter.theirs.text('x')}', "phone" = 'plain' WHERE "patient_id" = 'two'`,
    );
    const { keys, columns } = parsed(await fieldseal(['keys', 'census', '--json'], project.env));
    const cells = (email: number, phone: number, note: number, photo: number, profile: number) =>
      Object.entries({ email, phone, note, photo, profile }).flatMap(([field, count]) =>
        count === 0 ? [] : [{ field: `Patient.${field}`, cells: count }],
      );
    expect(columns).toBe(5);
    expect(keys).toMatchObject([
      { status: 'disabled', cells: 1, fields: cells(0, 0, 0, 0, 1) },
      { status: 'enabled', cells: 6, fields: cells(1, 1, 1, 2, 1) },
    ]);
  });

  test('a driver adapter serves a key store', async () => {
    const adapter = await connect(provider, planter.target.url, project.folder);
    const client = adapterClient(provider, adapter);
    await client.execute(keyStoreTable(provider), []);
    const store = sqlKeyStore(client);
    const record = sampleKeyset('Zażółć');
    expect(await store.save(record, null)).toBe(true);
    expect(await store.save(record, null)).toBe(false);
    expect(await store.save({ ...record, generation: 2 }, 2)).toBe(false);
    expect(await store.save({ ...record, generation: 2 }, 1)).toBe(true);
    expect(await store.load('Zażółć')).toEqual({ ...record, generation: 2 });
    await expect(store.save({ ...record, scope: 'thief' }, null)).rejects.toThrow('ERR_KEY_STORE');
    await client.execute('DROP TABLE fieldseal_key', []);
    await adapter.dispose();
  });

  test('NULL everywhere, and no rows at all, are healthy', async () => {
    await planter.target.run(`INSERT INTO "patients" ("patient_id") VALUES ('three')`);
    await planter.target.run(`UPDATE "patients" SET "profile" = 'null' WHERE "patient_id" = 'two'`);
    expect(await found()).toEqual([]);
    await planter.target.run('DELETE FROM "patients"');
    expect(await found()).toEqual([]);
  });

  test.each(FAULTS)('%s is found', async (_, plant, finding) => {
    await plant(planter);
    expect(await found()).toEqual([[finding, 1]]);
    expect((await project.doctor()).code).toBe(8);
  });

  test.each(STRUCTURE)('%s is found', async (_, sql, finding) => {
    const statements = Array.isArray(sql)
      ? (sql as string[])
      : (sql as Partial<Record<Provider, readonly string[]>>)[provider];
    // Lengths are not enforced by SQLite; MySQL has no partial indexes, and its ids are in lower case by the extension's own rule.
    if (statements === undefined) return expect(['sqlite', 'mysql']).toContain(provider);
    for (const statement of statements) await planter.target.run(statement);
    expect(await found()).toEqual([[finding]]);
  });

  test('mode: migrating shows how far it is, and when it is done', async () => {
    project.schema(schemaOf(provider).replace('/// @encrypted\n  phone ', '/// @encrypted(mode: migrating)\n  phone '));
    expect(await found()).toEqual([['rows.migrated Patient.phone']]);
    await set(`"phone" = 'plain', "phoneIndex" = NULL`)(planter);
    const outcome = await project.doctor();
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain('50 % encrypted, 1 value of 2 to go');
    expect(await found()).toEqual([['rows.migrating Patient.phone', 1]]);
  });

  test('mode: leaving shows how far it is, and when it is done', async () => {
    project.schema(schemaOf(provider).replace('/// @encrypted\n  phone ', '/// @encrypted(mode: leaving)\n  phone '));
    expect(await found()).toEqual([['rows.leaving Patient.phone', 2]]);
    await set(`"phone" = 'plain', "phoneIndex" = NULL`)(planter);
    expect((await project.doctor()).stdout).toContain('1 cell of 2 values to go');
    await planter.target.run(`UPDATE "patients" SET "phone" = 'plain', "phoneIndex" = NULL`);
    expect(await found()).toEqual([['rows.left Patient.phone']]);
  });

  test('keys of tenants are known, in the keyring and in a key store', async () => {
    const keyStore = fileKeyStore(join(project.folder, `keys-${provider}.json`));
    const openers = [rawKey(project.env['FIELDSEAL_KEY'] ?? '')];
    for (const [name, outside] of [
      ['tenants', {}],
      ['outside', { keyStore }],
    ] as const) {
      const path = join(project.folder, `${name}-${provider}.json`);
      const { keyring } = await createKeyring({ storage: keyringFile(path), openers, ...outside });
      await keyring.addScope('acme');
      const cell = (await sealed(keyring, 'acme')).text('x');
      keyring.close();
      await planter.target.run('DELETE FROM "patients"');
      await planter.target.run(`INSERT INTO "patients" ("patient_id", "note") VALUES ('one', '${cell}')`);
      const at = name === 'outside' ? ['--key-store', `keys-${provider}.json`] : [];
      expect(await found('--keyring', path, ...at)).toEqual([]);
      if (at.length > 0) expect(await found('--keyring', path)).toEqual([['keyring.closed keyring']]);
    }
    const other = await createKeyring({
      storage: keyringFile(join(project.folder, `other-${provider}.json`)),
      openers,
    });
    other.keyring.close();
    const lost = await found('--keyring', join(project.folder, `other-${provider}.json`));
    expect(lost).toEqual([['keys.unknown Patient.note', 1]]);
  });

  test('a destroyed key is found', async () => {
    const text = schemaOf(provider);
    const { findings } = await checkDatabase({ path: 'schema.prisma', text, provider }, readSchemaMap(text), {
      url: planter.target.url,
      project: project.folder,
      sample: null,
      timeoutMs: 30_000,
      progress: new Progress({ stdout: () => {}, stderr: () => {}, stdin: async () => '' }),
      keys: { data: destroyed(planter), indexVersions: [1] },
    });
    expect(findings.map(({ id }) => id)).toEqual(Array(5).fill('keys.destroyed'));
  });

  test('without a key for the keyring, key ids and index versions are not judged', async () => {
    await set(`"note" = '${planter.theirs.text('x')}', "phoneIndex" = '7.${'ab'.repeat(16)}'`)(planter);
    const { FIELDSEAL_KEY, ...env } = project.env;
    delete project.env['FIELDSEAL_KEY'];
    expect(await found()).toEqual([['keyring.closed keyring']]);
    Object.assign(project.env, env, { FIELDSEAL_KEY });
  });

  test('a sample says that it is one, unless it reaches over the table', async () => {
    expect(await found('--sample', '3')).toEqual([]);
    const shown = await project.findings('--sample', '1');
    expect(shown.map(({ id }) => id)).toEqual(Array(7).fill('rows.sampled'));
    expect((await project.doctor('--sample', '1')).stdout).toMatch(/^Patient\.email +1 +1 +0 +of the first 1 rows$/m);
  });

  test('nothing is changed', async () => {
    await set(`"note" = 'plain'`)(planter);
    await found();
    expect(await found()).toEqual([['rows.plaintext Patient.note', 1]]);
  });
});

function destroyed({ ours }: Planter): ReadonlyMap<string, 'destroyed'> {
  const header = Buffer.from(ours.text('x').slice(4, 16), 'base64url');
  return new Map([[header.subarray(1).toString('hex'), 'destroyed']]);
}
