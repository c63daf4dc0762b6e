import { randomBytes } from 'node:crypto';
import { FieldsealError, type Keyring, type LegacyReader, type RemoteLegacyReader } from '@fieldseal/core';
import { JobEngine, type LegacyReaders, legacyRows, type RowSource } from '@fieldseal/core/jobs';
import { fernet, lockbox, prismaFieldEncryption, vaultTransit } from '@fieldseal/migrate';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { typedError } from './harness.ts';
import { foreignValues } from './jobs/foreign-values.ts';
import { DIALECTS, type JobDatabase, openJobDatabase, stopServers } from './jobs/job-database.ts';
import { freshKeyring, valuesIn } from './jobs/job-rows.ts';

afterAll(stopServers);

const SLOW = process.env['SLOW'] === '1';

// The engine asks a source for its rows on every database in the same way.
describe.each(SLOW ? DIALECTS : (['sqlite'] as const))('values of other systems on %s', (dialect) => {
  let test: JobDatabase;
  let keyring: Keyring;
  beforeAll(async () => {
    test = await openJobDatabase(dialect);
  });
  beforeEach(async () => {
    await test.clear();
    keyring = await freshKeyring();
  });
  afterAll(() => test.close());

  const foreign = foreignValues();
  const pfe = prismaFieldEncryption({ keys: [foreign.pfeKey] });
  const add = (number: number, column: string, stored: string | null) =>
    test.run(`INSERT INTO "Visit" ("clinic", "number", "${column}") VALUES ('c', ${number}, ?)`, stored);
  const stored = async (column: string) =>
    (await test.rows(`SELECT "${column}" FROM "Visit" ORDER BY "number"`)).map(([value]) => value);
  const source = (readers: LegacyReaders, fields = Object.keys(readers), options = {}) =>
    legacyRows(test.source('Visit', { fields }), readers, options);
  const run = async (rows: RowSource) => {
    const jobs = new JobEngine({ source: rows, keys: keyring, chunkRows: 3 });
    const job = await jobs.start({ kind: 'backfill' });
    const end = await jobs.work(job);
    return { end, ...(await jobs.status(job)) };
  };
  const values = (field: string) => valuesIn(test.source('Visit', { fields: [field] }), keyring, field);
  const codes = async () =>
    (await test.rows('SELECT "code" FROM fieldseal_job_quarantine ORDER BY "row_key"')).map(([code]) => code);

  it('opens what another system wrote, and writes cells with their terms', async () => {
    const texts = ['ada@x', 'Zażółć', 'fs1:begins as a cell', '', 'x'.repeat(5000)];
    for (const [at, text] of texts.entries()) await add(at, 'note', foreign.pfe(text));
    await add(5, 'note', null);
    const status = await run(source({ note: pfe }));
    expect(status).toMatchObject({ end: 'done', quarantined: 0, counts: { done: 5, conflicts: 0 } });
    expect(await values('note')).toEqual([...texts, null]);
    const terms = await stored('noteIndex');
    expect(new Set(terms.slice(0, 5)).size).toBe(5);
    expect(terms[5]).toBeNull();
    for (const cell of (await stored('note')).slice(0, 5)) expect(cell).toMatch(/^fs1:/);
    // Nothing is left to do, and what is a cell stays one.
    const before = await stored('note');
    expect((await run(source({ note: pfe }))).counts.done).toBe(0);
    expect(await stored('note')).toEqual(before);
  });

  it('sets apart what does not open, untouched, and never takes it for plaintext', async () => {
    const good = foreign.pfe('ada@x');
    const bad = [
      `${good.slice(0, -6)}AAAA==`,
      foreign.pfe('ada@x', randomBytes(32)),
      foreign.pfe(good),
      'ada@example.com',
      'v1.aesgcm256.',
      'fs1:damaged',
    ];
    for (const [at, text] of [...bad, good].entries()) await add(at, 'note', text);
    const status = await run(source({ note: pfe }));
    expect(status).toMatchObject({ end: 'done', quarantined: bad.length, counts: { done: 1 } });
    expect((await stored('note')).slice(0, -1)).toEqual(bad);
    expect(await codes()).toEqual([
      'ERR_DECRYPT',
      'ERR_KEY_UNKNOWN',
      'ERR_VALUE',
      'ERR_CELL_FORMAT',
      'ERR_CELL_FORMAT',
      'ERR_CELL_FORMAT',
    ]);
    expect(await stored('noteIndex')).toEqual([null, null, null, null, null, null, expect.any(String)]);
  });

  it('takes unrecognized values for plaintext on request, and only those', async () => {
    const damaged = `${foreign.pfe('ada@x').slice(0, -6)}AAAA==`;
    for (const [at, text] of ['ada@x', foreign.pfe('eve@x'), damaged].entries()) await add(at, 'note', text);
    const status = await run(source({ note: pfe }, ['note'], { unrecognized: 'accept' }));
    expect(status).toMatchObject({ quarantined: 1, counts: { done: 2 } });
    expect((await values('note')).slice(0, 2)).toEqual(['ada@x', 'eve@x']);
    expect((await stored('note'))[2]).toBe(damaged);
  });

  it('reads typed values, Json and bytes, and several formats in one column', async () => {
    await test.run(
      `INSERT INTO "Visit" ("clinic", "number", "note", "age", "scan") VALUES ('c', 1, ?, ?, X'${foreign.lockbox('raw').toString('hex')}')`,
      foreign.fernet('in a token'),
      foreign.pfe('41'),
    );
    await test.run(
      `INSERT INTO "Visit" ("clinic", "number", "note", "age") VALUES ('c', 2, ?, ?)`,
      foreign.pfe('in a cloak'),
      foreign.pfe('forty'),
    );
    await test.run(
      `INSERT INTO "Visit" ("clinic", "number", "note", "age") VALUES ('c', 3, ?, ?)`,
      foreign.pfe('three'),
      foreign.pfe('3'),
    );
    const readers = {
      note: [pfe, fernet({ keys: [foreign.fernetKey] })],
      age: pfe,
      scan: lockbox({ keys: [foreign.lockboxKey], type: 'binary' }),
    };
    expect(await run(source(readers))).toMatchObject({ quarantined: 1, counts: { done: 2 } });
    expect(await codes()).toEqual(['ERR_VALUE_TYPE']);
    // A row with a value that does not fit is left as a whole.
    expect((await stored('note'))[1]).toMatch(/^v1\./);
    await test.run(`DELETE FROM "Visit" WHERE "number" = 2`);
    expect(await values('note')).toEqual(['in a token', 'three']);
    expect(await values('age')).toEqual([41, 3]);
    expect((await values('scan'))[0]).toEqual(new Uint8Array(Buffer.from('raw')));
  });

  it('asks Vault for a batch, quarantines what it refuses, and writes nothing while it is away', async () => {
    for (const [at, text] of ['vault:v1:YWRh', 'vault:v1:bad0', 'vault:v1:ZXZl'].entries()) await add(at, 'note', text);
    let calls = 0;
    const vault = vaultTransit({
      decrypt: async (ciphertexts) => {
        calls += 1;
        return ciphertexts.map((text) => (text.endsWith('bad0') ? null : text.slice(9)));
      },
    });
    const away = vaultTransit({ decrypt: () => Promise.reject(new FieldsealError('ERR_KEY_STORE', 'away')) });
    const stuck = new JobEngine({ source: source({ note: away }), keys: keyring });
    const job = await stuck.start({ kind: 'backfill' });
    await expect(stuck.work(job)).rejects.toEqual(typedError('ERR_KEY_STORE'));
    expect(await stored('note')).toEqual(['vault:v1:YWRh', 'vault:v1:bad0', 'vault:v1:ZXZl']);
    const jobs = new JobEngine({ source: source({ note: vault }), keys: keyring });
    expect(await jobs.work(job)).toBe('done');
    expect(await jobs.status(job)).toMatchObject({ quarantined: 1, counts: { done: 2 } });
    expect(await stored('note')).toEqual([
      expect.stringMatching(/^fs1:/),
      'vault:v1:bad0',
      expect.stringMatching(/^fs1:/),
    ]);
    expect(calls).toBeLessThan(4); // one for the chunk and one for each pass over what is left
  });

  it('loses no update that comes between', async () => {
    for (let at = 0; at < 4; at++) await add(at, 'note', foreign.pfe(`old ${at}`));
    const rows = source({ note: pfe });
    const cut: RowSource = {
      ...rows,
      read: async (...asked) => {
        const found = await rows.read(...asked);
        await test.run(
          `UPDATE "Visit" SET "note" = ? WHERE "number" = 2 AND "note" = ?`,
          foreign.pfe('new'),
          found[2]?.witness === undefined ? '' : ((await stored('note'))[2] ?? ''),
        );
        return found;
      },
    };
    let once = 0;
    const racing: RowSource = { ...rows, read: (...asked) => (once++ === 0 ? cut : rows).read(...asked) };
    const status = await run(racing);
    expect(status).toMatchObject({ end: 'done', counts: { done: 4, conflicts: 1 } });
    expect(await values('note')).toEqual(['old 0', 'old 1', 'new', 'old 3']);
  });

  it('refuses a worker without the readers, which would encrypt ciphertext', async () => {
    await add(1, 'note', foreign.pfe('ada@x'));
    const job = await new JobEngine({ source: source({ note: pfe }), keys: keyring }).start({ kind: 'backfill' });
    for (const other of [
      test.source('Visit', { fields: ['note'] }),
      source({ note: fernet({ keys: [foreign.fernetKey] }) }),
      source({ note: pfe }, ['note'], { unrecognized: 'accept' }),
    ])
      await expect(new JobEngine({ source: other, keys: keyring }).work(job)).rejects.toEqual(
        typedError('ERR_SCHEMA_STALE'),
      );
    expect(await stored('note')).toEqual([expect.stringMatching(/^v1\./)]);
  });

  it.each(['reencrypt', 'restore', 'verify', 'reindex'] as const)('serves no %s', async (kind) => {
    const jobs = new JobEngine({ source: source({ note: pfe }), keys: keyring });
    await expect(jobs.start({ kind })).rejects.toEqual(typedError('ERR_OPTIONS'));
  });

  it('refuses readers of fields that are not there, or not being migrated', () => {
    const refused = (work: () => unknown) => expect(work).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
    refused(() => source({ other: pfe }, ['note']));
    refused(() => legacyRows(test.source('Patient'), { email: pfe }));
  });

  it.each<[string, LegacyReader | RemoteLegacyReader]>([
    [
      'throws',
      {
        format: 'x',
        recognizes: () => true,
        open: (value) => {
          throw new Error(`secret ${String(value)}`);
        },
      },
    ],
    ['gives too few answers', { format: 'x', recognizes: () => true, openAll: async () => [] }],
  ])('bears a reader of your own that %s, and shows no value', async (_, reader) => {
    await add(1, 'note', 'secret');
    expect(await run(source({ note: reader }))).toMatchObject({ end: 'done', quarantined: 1, counts: { done: 0 } });
    expect(await codes()).toEqual(['ERR_DECRYPT']);
    expect(await stored('note')).toEqual(['secret']);
  });
});
