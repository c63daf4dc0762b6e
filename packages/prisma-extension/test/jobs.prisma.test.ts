import { JobEngine } from '@fieldseal/core/jobs';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prismaRows } from '../src/jobs.ts';
import { openDatabase, stopServers, type Target, type TestDatabase } from './harness.ts';

afterAll(stopServers);

const TARGETS: readonly Target[] = [
  { database: 'sqlite', generator: 'js' },
  { database: 'postgresql', generator: 'client' },
  { database: 'mysql', generator: 'client' },
];

/** Jobs over the client that an application has, beside what the extension reads and writes. */
describe.each(TARGETS)('jobs through a client of $database', (target) => {
  let test: TestDatabase;
  beforeEach(async () => {
    test = await openDatabase(target);
  });
  afterEach(() => test.close());

  const work = async (model: string, kind: 'reencrypt' | 'backfill' | 'restore', fields?: readonly string[]) => {
    const source = prismaRows(test.plain, model, fields === undefined ? {} : { fields });
    const jobs = new JobEngine({ source, keys: test.keyring, chunkRows: 4 });
    const job = await jobs.start({ kind });
    expect(await jobs.work(job)).toBe('done');
    return { status: await jobs.status(job), census: await source.census(source.database) };
  };

  it('re-encrypts what the extension wrote, so that it reads and finds the same', async () => {
    const { db, keyring } = test;
    for (let at = 0; at < 10; at++)
      await db.user.create({
        data: {
          name: 'n',
          email: `U${at}@x`,
          ssn: at % 2 === 0 ? null : `${at}`,
          profile: { at },
          photo: Uint8Array.of(at),
        },
      });
    const label = { label: 'l', secret: 's', group: 1, secretIndex: undefined } as never;
    await db.sealed.create({ data: label });
    const read = () => db.user.findMany({ orderBy: { id: 'asc' } });
    const before = await read();
    const updatedAt = await test.raw('SELECT "updatedAt" FROM "User" ORDER BY "id"');
    const keyId = await keyring.rotate();
    const { status, census } = await work('User', 'reencrypt');
    expect(status.counts.done).toBe(10);
    expect(new Set(census.map(({ key }) => key))).toEqual(new Set([keyId]));
    expect(await read()).toEqual(before); // index columns and updatedAt among it
    expect(await test.raw('SELECT "updatedAt" FROM "User" ORDER BY "id"')).toEqual(updatedAt);
    expect(await db.user.findUnique({ where: { email: ' u3@X' }, select: { ssn: true } })).toEqual({ ssn: '3' });
    expect((await work('Sealed', 'reencrypt')).status.counts.done).toBe(1);
    expect((await db.sealed.findFirst())?.secret).toBe('s');
  });

  it('encrypts plaintext that the extension read while it was being migrated, and brings it back', async () => {
    const { db, plain } = test;
    for (let at = 0; at < 5; at++)
      await plain.moving.create({
        data: { email: `u${at}@x`, age: `${at}` as never, photo: Uint8Array.of(at), note: at === 0 ? null : 'n' },
      });
    await db.moving.create({ data: { email: 'sealed@x' } });
    const fields = ['email', 'age', 'photo', 'note'];
    const values = async () =>
      (await db.moving.findMany({ orderBy: { id: 'asc' } })).map(({ emailIndex: _, ...row }) => row);
    const before = await values();
    const raw = await test.raw('SELECT "email", "age", "photo", "note" FROM "Moving" ORDER BY "id"');
    const { status, census } = await work('Moving', 'backfill', fields);
    expect(status).toMatchObject({ quarantined: 0, counts: { done: 5 } });
    expect(census.map(({ key }) => key)).not.toContain('plaintext');
    expect(await values()).toEqual(before);
    expect(await db.moving.findUnique({ where: { email: 'u3@x' }, select: { age: true } })).toEqual({ age: 3 });
    await work('Moving', 'restore', fields);
    const back = await test.raw('SELECT "email", "age", "photo", "note" FROM "Moving" ORDER BY "id"');
    expect(back.slice(0, 5)).toEqual(raw.slice(0, 5));
    expect(back[5]?.['email']).toBe('sealed@x');
    expect(await test.raw('SELECT "emailIndex" FROM "Moving" WHERE "emailIndex" IS NOT NULL')).toEqual([]);
    expect(await values()).toEqual(before);
  });
});
