import { createKeyring, FieldCipher, generateRawKey, keyringMemory, rawKey } from '@fieldseal/core';
import type { RowPort, SqlDialect, StoredRow } from '@fieldseal/core/jobs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sqlRowPort } from '../src/jobs.ts';
import { DIALECTS, type JobDatabase, openJobDatabase, schemaOf, stopServers } from './jobs/job-database.ts';

const ID = '8a6e0804-2bd0-4672-b79d-d97027f9071a';
const code = (wanted: string) => expect.objectContaining({ code: wanted });
const all = async (rows: AsyncIterable<StoredRow>): Promise<StoredRow[]> => {
  const found: StoredRow[] = [];
  for await (const row of rows) found.push(row);
  return found;
};

let cell: string;
let keyId: string;
beforeAll(async () => {
  const openers = [rawKey(generateRawKey())];
  const { keyring, recovery } = await createKeyring({ storage: keyringMemory(), openers });
  recovery.wipe();
  const view = await keyring.resolve('');
  keyId = view.primary.keyId;
  const spec = {
    model: 'Patient',
    field: 'email',
    context: { model: 'Patient', field: 'email' },
    column: 'String',
    type: 'String',
    pad: null,
  } as const;
  cell = new FieldCipher().encrypt(view, [{ spec, value: 'ada@example.com', binding: null }])[0] as string;
  keyring.close();
});
afterAll(stopServers);

/** A model whose terms have a table of their own. */
const SEARCHED = (dialect: SqlDialect) => `
datasource db {
  provider = "${dialect}"
}
model Letter {
  id    String       @id
  /// @encrypted
  text  String${dialect === 'mysql' ? ' @db.Text' : ''}
  /// @blindIndex(of: text, kind: ngram, n: 3, normalize: [lowercase])
  words LetterWord[]
}
model LetterWord {
  id       Int    @id @default(autoincrement())
  term     String${dialect === 'mysql' ? ' @db.VarChar(191)' : ''}
  letter   Letter @relation(fields: [letterId], references: [id], onDelete: Cascade)
  letterId String${dialect === 'mysql' ? ' @db.VarChar(191)' : ''}
  @@index([term])
  @@index([letterId])
}
`;

/** The schema of the jobs' tests with a table of everything else that a column may hold. */
const schema = (dialect: SqlDialect) =>
  `${schemaOf(dialect)}
model Measure {
  id     Int       @id
  exact  Float
  single Float${dialect === 'sqlite' ? '' : dialect === 'mysql' ? ' @db.Float' : ' @db.Real'}
  price  Decimal
  on     Boolean
  at     DateTime
  big    BigInt
  patientId String?${dialect === 'postgresql' ? ' @db.Uuid' : ''}
  ${dialect === 'postgresql' ? 'times DateTime[]' : ''}
}`;

const MEASURE: Readonly<Record<SqlDialect, string>> = {
  sqlite: `CREATE TABLE "Measure" ("id" INTEGER PRIMARY KEY, "exact" REAL, "single" REAL, "price" DECIMAL, "on" BOOLEAN, "at" DATETIME, "big" BIGINT, "patientId" TEXT REFERENCES "patients of 'today'" ("id"))`,
  postgresql: `CREATE TABLE "Measure" ("id" INT PRIMARY KEY, "exact" FLOAT8, "single" FLOAT4, "price" DECIMAL(65,30), "on" BOOLEAN, "at" TIMESTAMP(3), "big" BIGINT, "patientId" UUID REFERENCES "patients of 'today'" ("id"), "times" TIMESTAMP(3)[])`,
  mysql: `CREATE TABLE "Measure" ("id" INT PRIMARY KEY, "exact" DOUBLE, "single" FLOAT, "price" DECIMAL(65,30), "on" BOOLEAN, "at" DATETIME(3), "big" BIGINT, "patientId" VARCHAR(191), FOREIGN KEY ("patientId") REFERENCES "patients of 'today'" ("id"))`,
};

describe.each(DIALECTS)('row port on %s', (dialect) => {
  let test: JobDatabase;
  let port: RowPort;
  const uuid = dialect === 'postgresql' ? '::uuid' : '';
  beforeAll(async () => {
    test = await openJobDatabase(dialect);
    await test.run(MEASURE[dialect]);
  });
  beforeEach(async () => {
    await test.run('DELETE FROM "Measure"');
    await test.clear();
    port = sqlRowPort({
      database: test.database,
      schema: schema(dialect),
      models: ['Patient', 'Visit', 'Measure'],
    });
    const json = dialect === 'postgresql' ? '?::jsonb' : '?';
    await test.run(
      `INSERT INTO "patients of 'today'" ("id", "name", "email", "photo", "profile", "updatedAt") VALUES (?${uuid}, ?, ?, X'00ff10', ${json}, '2026-01-02 03:04:05.678901')`,
      ID,
      'Grüße, \'quoted"\\',
      cell,
      JSON.stringify(cell),
    );
    for (const [clinic, number] of [
      ['b', '9007199254740993'],
      ['a', '-1'],
      ['a', '2'],
    ] as const)
      await test.run(
        `INSERT INTO "Visit" ("clinic", "number", "remark") VALUES (?, ${number}, ?)`,
        clinic,
        '  spaces stay  ',
      );
    await test.run(
      `INSERT INTO "Measure" ("id", "exact", "single", "price", "on", "at", "big", "patientId") VALUES (1, 0.30000000000000004, 0.123456789, 1234567.125, ${dialect === 'postgresql' ? 'TRUE' : '1'}, '2026-01-02 03:04:05.678', 9007199254740993, ?${uuid})`,
      ID,
    );
    if (dialect === 'postgresql')
      await test.run(`UPDATE "Measure" SET "times" = ARRAY['2026-01-02 03:04:05.678', NULL]::timestamp(3)[]`);
  });
  afterAll(() => test.close());

  /** What the database holds, by another way than the port. */
  const contents = async () => [
    await test.rows(
      dialect === 'postgresql'
        ? `SELECT p::text FROM "patients of 'today'" p`
        : dialect === 'mysql'
          ? `SELECT CONCAT_WS('|', "id", "name", "email", HEX("photo"), "profile", "updatedAt") FROM "patients of 'today'"`
          : `SELECT quote("id") || quote("name") || quote("email") || quote("photo") || quote("profile") || quote("updatedAt") FROM "patients of 'today'"`,
    ),
    await test.rows(
      dialect === 'postgresql'
        ? `SELECT m::text FROM "Measure" m`
        : dialect === 'mysql'
          ? `SELECT CONCAT_WS('|', "exact" = 0.30000000000000004e0, CAST("single" AS DOUBLE), "price", "on", "at", "big") FROM "Measure"`
          : `SELECT quote("exact") || typeof("exact") || quote("single") || quote("price") || typeof("price") || quote("on") || typeof("on") || quote("at") || quote("big") FROM "Measure"`,
    ),
    await test.rows('SELECT "clinic", "remark" FROM "Visit" ORDER BY "number"'),
  ];
  const empty = async () => {
    await test.run('DELETE FROM "Measure"');
    await test.clear();
  };
  const writeAll = async (rows: Readonly<Record<string, readonly StoredRow[]>>) => {
    for (const [model, list] of Object.entries(rows))
      await port.write(
        model,
        list.map((row) => ({ row, before: null })),
      );
  };
  const readAll = async () => ({
    Patient: await all(port.read('Patient')),
    Visit: await all(port.read('Visit')),
    Measure: await all(port.read('Measure')),
  });

  it('what was read comes back into an empty database exactly as it was', async () => {
    const [before, rows] = [await contents(), await readAll()];
    expect(rows.Visit.map(({ key }) => key)).toEqual([
      ['a', '-1'],
      ['a', '2'],
      ['b', '9007199254740993'],
    ]);
    expect(rows.Patient[0]).toMatchObject({ key: [ID], keyIds: [keyId] });
    expect(rows.Visit[0]?.keyIds).toEqual([]);
    await empty();
    await writeAll(JSON.parse(JSON.stringify(rows)) as typeof rows);
    expect(await contents()).toEqual(before);
    expect(await readAll()).toEqual(rows);
  });

  it('reads more than a page, each row once, and finds by keys of one column and of two', async () => {
    const values = Array.from({ length: 1234 }, (_, at) => `('c${at % 7}', ${at}, 'x')`);
    await test.run(`INSERT INTO "Visit" ("clinic", "number", "remark") VALUES ${values.join(', ')}`);
    const rows = await all(port.read('Visit'));
    expect(new Set(rows.map(({ key }) => JSON.stringify(key))).size).toBe(1237);
    const keys = rows.map(({ key }) => key);
    expect(await port.find('Visit', keys)).toHaveLength(1237);
    expect(
      await port.find('Visit', [
        ['a', '2'],
        ['none', '2'],
      ]),
    ).toMatchObject([{ key: ['a', '2'] }]);
    expect(await port.find('Patient', [[ID], ['00000000-0000-0000-0000-000000000000']])).toHaveLength(1);
  });

  it('changes rows that are as they were, and no others', async () => {
    const [first, second, third] = (await readAll()).Visit as [StoredRow, StoredRow, StoredRow];
    const row = { ...first, columns: { ...first.columns, remark: null } };
    await port.write('Visit', [{ row, before: first }]);
    expect(await all(port.read('Visit'))).toEqual([row, second, third]);
    const stale = { row: { ...row, columns: { ...row.columns, remark: 'again' } }, before: first };
    const other = { row: { ...second, columns: { ...second.columns, remark: 'other' } }, before: second };
    await expect(port.write('Visit', [other, stale])).rejects.toEqual(code('ERR_ROW_REFUSED'));
    await expect(port.write('Visit', [other, { row: third, before: null }])).rejects.toEqual(code('ERR_ROW_REFUSED'));
    expect(await all(port.read('Visit'))).toEqual([row, second, third]);
  });

  it('leaves a column alone that the backup did not know', async () => {
    const [first] = (await readAll()).Visit as [StoredRow];
    const { remark: _, ...columns } = first.columns;
    await port.write('Visit', [{ row: { ...first, columns: { ...columns, note: cell } }, before: first }]);
    expect((await all(port.read('Visit')))[0]?.columns).toMatchObject({ remark: '  spaces stay  ', note: cell });
  });

  it('writes nothing of a batch that the database refuses, and tells no value', async () => {
    const { Measure } = await readAll();
    await empty();
    const [measure] = Measure as [StoredRow];
    const orphan = { ...measure, key: ['2'], columns: { ...measure.columns, id: '2' } };
    const free = { ...orphan, key: ['3'], columns: { ...orphan.columns, id: '3', patientId: null } };
    const attempt = port.write('Measure', [
      { row: free, before: null },
      { row: orphan, before: null },
    ]);
    await expect(attempt).rejects.toEqual(code('ERR_ROW_REFUSED'));
    expect(String(await attempt.catch((error: unknown) => error))).not.toContain(ID);
    expect(await all(port.read('Measure'))).toEqual([]);
  });

  it('refuses what does not fit the schema', async () => {
    const [first] = (await readAll()).Visit as [StoredRow];
    const strange = { ...first, columns: { ...first.columns, 'x" = 1 --': 'y' } };
    await expect(port.write('Visit', [{ row: strange, before: first }])).rejects.toEqual(code('ERR_OPTIONS'));
    await expect(port.find('Visit', [['a']])).rejects.toEqual(code('ERR_BACKUP_DAMAGED'));
    expect(() => port.read('Other')).toThrow(code('ERR_OPTIONS'));
    const of = (models: readonly string[]) => () =>
      sqlRowPort({ database: test.database, schema: schema(dialect), models });
    expect(of(['Other'])).toThrow(code('ERR_OPTIONS'));
    const another = dialect === 'sqlite' ? 'postgresql' : 'sqlite';
    expect(() => sqlRowPort({ database: test.database, schema: schemaOf(another) })).toThrow(code('ERR_OPTIONS'));
    expect(sqlRowPort({ database: test.database, schema: schema(dialect) }).models).toEqual(['Patient', 'Visit']);
    const searched = SEARCHED(dialect);
    expect(sqlRowPort({ database: test.database, schema: searched, models: ['Letter'] }).models).toEqual([
      'Letter',
      'LetterWord',
    ]);
    const nameless = `${schema(dialect)}\nmodel Nameless {\n  at DateTime @unique\n}`;
    expect(sqlRowPort({ database: test.database, schema: nameless, models: 'all' }).models).toEqual([
      'Patient',
      'Visit',
      'Measure',
    ]);
  });

  it('tells a database that changes what it is given', async () => {
    const [first] = (await readAll()).Visit as [StoredRow];
    const shouting: Readonly<Record<SqlDialect, readonly string[]>> = {
      sqlite: [
        `CREATE TRIGGER shout AFTER UPDATE ON "Visit" BEGIN UPDATE "Visit" SET "remark" = 'SHOUTED' WHERE "number" = NEW."number"; END`,
      ],
      mysql: [`CREATE TRIGGER shout BEFORE UPDATE ON "Visit" FOR EACH ROW SET NEW."remark" = 'SHOUTED'`],
      postgresql: [
        `CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.remark := upper(NEW.remark); RETURN NEW; END'`,
        `CREATE TRIGGER shout BEFORE UPDATE ON "Visit" FOR EACH ROW EXECUTE FUNCTION shout()`,
      ],
    };
    for (const statement of shouting[dialect]) await test.run(statement);
    const row = { ...first, columns: { ...first.columns, remark: 'small' } };
    await expect(port.write('Visit', [{ row, before: first }])).rejects.toEqual(code('ERR_ROW_REFUSED'));
    await test.run(`DROP TRIGGER shout${dialect === 'postgresql' ? ' ON "Visit"' : ''}`);
    expect((await all(port.read('Visit')))[0]).toEqual(first);
  });
});
