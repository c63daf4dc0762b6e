import { canonicalText } from '@fieldseal/core';
import { fernet, prismaFieldEncryption, prismaHash } from '@fieldseal/migrate';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encryption, type LegacyFields } from '../src/index.ts';
import { type Client, stopServers, TARGETS, type TestDatabase, typedError, useDatabase } from './harness.ts';
import { foreignValues } from './jobs/foreign-values.ts';

afterAll(stopServers);

const foreign = foreignValues();
const readers = [prismaFieldEncryption({ keys: [foreign.pfeKey] })];
const search = { column: 'emailHash', hash: (value: string) => prismaHash(value) };
const LEGACY: LegacyFields = {
  Moving: {
    email: { readers, search },
    age: { readers },
    photo: { readers: [fernet({ keys: [foreign.fernetKey], content: 'bytes' })] },
  },
};

const SLOW = process.env['SLOW'] === '1';

// What is built on top of Prisma's filters is the same on every database.
describe.each(TARGETS.filter(({ database, generator }) => SLOW || (database === 'sqlite' && generator === 'client')))(
  'values of another system on $database with prisma-$generator',
  (target) => {
    const database = useDatabase(target);
    let test: TestDatabase;
    let db: Client;
    beforeAll(() => {
      test = database.current;
      db = test.extend({ keyring: test.keyring, legacy: LEGACY }) as unknown as Client;
    });
    beforeEach(async () => {
      await test.plain.moving.deleteMany();
      await test.plain.moving.create({
        data: {
          email: foreign.pfe('old@x'),
          emailHash: prismaHash('old@x'),
          age: foreign.pfe('41') as never,
          photo: new Uint8Array(Buffer.from(foreign.fernet('picture'))),
        },
      });
      await db.moving.create({ data: { email: 'new@x', age: 42 as never } });
    });
    const emails = async (where: object) =>
      (await db.moving.findMany({ where, orderBy: { id: 'asc' } })).map(({ email }) => email);

    it('reads them beside cells, and never gives them back', async () => {
      const rows = await db.moving.findMany({ orderBy: { id: 'asc' } });
      expect(rows).toMatchObject([
        { email: 'old@x', age: 41, photo: new Uint8Array(Buffer.from('picture')) },
        { email: 'new@x', age: 42, photo: null },
      ]);
    });

    it('finds them by the hash, and encrypted rows by their term', async () => {
      expect(await emails({ email: 'old@x' })).toEqual(['old@x']);
      expect(await emails({ email: { equals: 'new@x' } })).toEqual(['new@x']);
      expect(await emails({ email: { in: ['old@x', 'new@x', 'other'] } })).toEqual(['old@x', 'new@x']);
      expect(await emails({ OR: [{ email: 'old@x' }, { email: 'other' }] })).toEqual(['old@x']);
      expect(await emails({ email: { in: [] } })).toEqual([]);
      expect(await db.moving.count({ where: { email: 'old@x' } })).toBe(1);
    });

    it.each(['old@x', 'new@x'])('finds, updates and deletes the row of %s', async (email) => {
      expect((await db.moving.findUnique({ where: { email } }))?.email).toBe(email);
      expect((await db.moving.update({ where: { email }, data: { note: 'x' } })).email).toBe(email);
      expect((await db.moving.delete({ where: { email } })).email).toBe(email);
      expect(await db.moving.findUnique({ where: { email } })).toBeNull();
    });

    it('does not heed the old hash of a row that was encrypted since', async () => {
      await db.moving.update({ where: { email: 'old@x' }, data: { email: 'changed@x' } });
      expect(await emails({ email: 'old@x' })).toEqual([]);
      expect(await db.moving.findUnique({ where: { email: 'old@x' } })).toBeNull();
      expect(await emails({ email: 'changed@x' })).toEqual(['changed@x']);
      const [row] = await test.raw(`SELECT "email", "emailHash" FROM "Moving" ORDER BY "id"`);
      expect(row).toEqual({ email: expect.stringMatching(/^fs1:/), emailHash: prismaHash('old@x') });
    });

    it.each<[string, object]>([
      ['not', { email: { not: 'old@x' } }],
      ['notIn', { email: { notIn: ['old@x'] } }],
      ['NOT', { NOT: { email: 'old@x' } }],
      ['contains', { email: { contains: 'old' } }],
      ['mode', { email: { equals: 'old@x', mode: 'insensitive' } }],
      ['a field without a hash', { age: 41 }],
      ['in with null', { email: { in: ['old@x', null] } }],
    ])('refuses %s before any SQL', async (_, where) => {
      await expect(db.moving.deleteMany({ where })).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
      expect(await test.plain.moving.count()).toBe(2);
    });

    it.each([
      ['a damaged value', `${foreign.pfe('a').slice(0, -6)}AAAA==`, 'ERR_DECRYPT'],
      ['another system', foreign.fernet('a'), 'ERR_CELL_FORMAT'],
      ['plaintext', 'secret@x', 'ERR_CELL_FORMAT'],
    ])('throws for %s, without the value', async (_, email, code) => {
      await test.plain.moving.create({ data: { email } });
      const error: Error = await db.moving.findMany().then(
        () => expect.unreachable(),
        (thrown: Error) => thrown,
      );
      expect(error).toEqual(typedError(code as 'ERR_DECRYPT'));
      expect(error.message).not.toContain(email);
    });

    it('takes what no reader knows for plaintext on request, and wants its type', async () => {
      const lax = test.extend({
        keyring: test.keyring,
        legacy: { Moving: { email: { readers, unrecognized: 'accept' } } },
      });
      await test.plain.moving.deleteMany();
      await test.plain.moving.create({ data: { email: 'plain@x' } });
      expect(await lax.moving.findMany()).toMatchObject([{ email: 'plain@x' }]);
      await test.plain.moving.create({ data: { email: foreign.pfe('old@x'), age: foreign.pfe('forty') as never } });
      await expect(db.moving.findMany({ select: { age: true } })).rejects.toEqual(typedError('ERR_VALUE_TYPE'));
      expect(canonicalText('Int', 41)).toBe('41');
    });

    it.each<[string, LegacyFields]>([
      ['a model that is not there', { Movin: { email: { readers } } }],
      ['a field that is not encrypted', { Moving: { id: { readers } } }],
      ['a field that is not being migrated', { Moving: { old: { readers } } }],
      ['no reader', { Moving: { email: { readers: [] } } }],
      ['hashes in an index column', { Moving: { email: { readers, search: { ...search, column: 'emailIndex' } } } }],
      ['hashes that are no text', { Moving: { email: { readers, search: { ...search, column: 'id' } } } }],
      ['hashes of numbers', { Moving: { age: { readers, search } } }],
    ])('refuses %s', (_, legacy) => {
      expect(() => test.plain.$extends(encryption({ keyring: test.keyring, legacy }))).toThrow(
        expect.objectContaining({ code: 'ERR_OPTIONS' }),
      );
    });
  },
);
