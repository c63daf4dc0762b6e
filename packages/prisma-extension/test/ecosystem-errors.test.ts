import { inspect } from 'node:util';
import { newCanary, scanBytes } from '@fieldseal/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Client, stopServers, TARGETS, type TestDatabase, typedError, useDatabase } from './harness.ts';

afterAll(stopServers);

/** Everything that an error shows. */
function shown(error: unknown): Buffer {
  const parts = [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error), String(error)];
  return Buffer.from([...parts, error instanceof Error ? error.stack : ''].join('\n'));
}

async function errorOf(query: () => Promise<unknown>): Promise<Record<string, unknown>> {
  return query().then(
    () => expect.unreachable('the query should fail'),
    (reason: unknown) => reason as Record<string, unknown>,
  );
}

describe.each(TARGETS)('$database with prisma-$generator: errors', (target) => {
  const database = useDatabase(target);
  const secret = newCanary('secret'); // of encrypted fields
  const other = newCanary('other'); // of the rest
  let test: TestDatabase;
  let db: Client;
  beforeAll(() => {
    test = database.current;
    db = test.db;
  });

  const data = { email: secret, ssn: secret, note: { set: secret } as never, settings: { other } };
  const wrong = { name: 5 as never };

  /** Queries that Prisma refuses for an argument beside the encrypted ones. */
  const INVALID: [string, (c: Client) => Promise<unknown>][] = [
    ['create', (c) => c.user.create({ data: { ...data, ...wrong } })],
    [
      'create with unknown select',
      (c) => c.user.create({ data: { ...data, name: other }, select: { nmae: true } as never }),
    ],
    [
      'createMany',
      (c) =>
        c.user.createMany({
          data: [
            { ...data, note: secret, name: other },
            { email: secret, ...wrong },
          ],
        }),
    ],
    ['update', (c) => c.user.update({ where: { email: secret }, data: { ...data, ...wrong } })],
    [
      'upsert',
      (c) => c.user.upsert({ where: { email: secret }, create: { ...data, ...wrong }, update: { note: secret } }),
    ],
    [
      'findMany',
      (c) => c.user.findMany({ where: { email: { in: [secret] }, name: { contains: 5 as never }, orgId: other } }),
    ],
    ['nested create', (c) => c.org.create({ data: { name: other, users: { create: { ...data, ...wrong } } } })],
    [
      'nested update',
      (c) =>
        c.org.update({
          where: { id: other },
          data: { users: { updateMany: { where: { ssn: secret }, data: { note: secret, ...wrong } } } },
        }),
    ],
    ['deleteMany', (c) => c.user.deleteMany({ where: { ssn: secret, name: { in: 5 as never } } })],
    ['a missing field', (c) => c.user.create({ data: { email: secret, note: secret } as never })],
    ['a date that is none', (c) => c.user.create({ data: { name: other, email: secret, updatedAt: other as never } })],
  ];

  const FORMATS = ['pretty', 'colorless', 'minimal'] as const;

  it.each(FORMATS)('errorFormat %s: validation errors show no encrypted field', async (errorFormat) => {
    const client = test.extend({ keyring: test.keyring }, { errorFormat });
    for (const [name, query] of INVALID) {
      const error = await errorOf(() => query(client));
      expect(error, name).toMatchObject({ name: 'PrismaClientValidationError', clientVersion: '7.10.0' });
      expect(scanBytes(shown(error), [secret]), name).toEqual([]);
    }
    const error = await errorOf(() => client.user.create({ data: { ...wrong, email: secret, orgId: other } as never }));
    expect(scanBytes(shown(error), [other]), 'the control').not.toEqual([]); // Prisma does print the rest
  });

  it.each(FORMATS)('errorFormat %s with redactErrors: nor anything else', async (errorFormat) => {
    const client = test.extend({ keyring: test.keyring, redactErrors: true }, { errorFormat });
    for (const [name, query] of INVALID) {
      const error = await errorOf(() => query(client));
      expect(error, name).toMatchObject({ name: 'PrismaClientValidationError', clientVersion: '7.10.0' });
      expect(error['message'], name).toMatch(/^(?:Argument|Invalid value for argument|Unknown) /);
      expect(scanBytes(shown(error), [secret, other]), name).toEqual([]);
    }
  });

  describe('of the database', () => {
    beforeEach(async () => {
      await db.user.create({ data: { id: other, name: other, email: secret } });
      await db.tag.create({ data: { name: other } });
    });

    /** What tells which constraint was violated: its fields on SQLite, its name elsewhere. */
    const constraintOf = ({ meta }: Record<string, unknown>) =>
      (meta as { driverAdapterError: { cause: { constraint: unknown } } }).driverAdapterError.cause.constraint;
    const constraint = (field: string, index: string) =>
      target.database === 'sqlite' ? { fields: [field] } : { index };

    it.each([false, true])('redactErrors %s: a duplicate names its constraint', async (redactErrors) => {
      const client = test.extend({ keyring: test.keyring, redactErrors });
      const email = await errorOf(() => client.user.create({ data: { name: 'x', email: ` ${secret}` } }));
      expect(email).toMatchObject({ name: 'PrismaClientKnownRequestError', code: 'P2002', clientVersion: '7.10.0' });
      expect(email['meta']).toMatchObject({ modelName: 'User', target: ['email'] });
      expect(constraintOf(email)).toEqual(constraint('email', 'User_emailIndex_key'));
      if (!redactErrors) expect(email['message']).toContain('Unique constraint failed on the fields: (`email`)');
      expect(scanBytes(shown(email), [secret])).toEqual([]);
      const id = await errorOf(() => client.user.create({ data: { id: other, name: 'x', email: 'x' } }));
      expect(constraintOf(id)).toEqual(constraint('id', target.database === 'mysql' ? 'PRIMARY' : 'User_pkey'));
      const leaks = scanBytes(shown(id), [other]).length > 0;
      expect(leaks).toBe(!redactErrors && target.database === 'mysql'); // which quotes the value, without the option
    });

    it('redactErrors: other codes stay, in batches and nested too', async () => {
      const client = test.extend({ keyring: test.keyring, redactErrors: true });
      const missing = await errorOf(() =>
        client.user.update({ where: { id: 'none' }, data: { note: secret, name: other } }),
      );
      expect(missing).toMatchObject({ code: 'P2025', message: 'Prisma error P2025', meta: { modelName: 'User' } });
      const foreign = await errorOf(() =>
        client.user.create({ data: { name: 'x', email: 'x', orgId: other } as never }),
      );
      expect(foreign).toMatchObject({ code: 'P2003', message: 'Prisma error P2003' });
      const batch = await errorOf(() =>
        client.$transaction([client.tag.count(), client.tag.create({ data: { name: other } })]),
      );
      expect(batch).toMatchObject({ code: 'P2002' });
      const interactive = await errorOf(() => client.$transaction((tx) => tx.tag.create({ data: { name: other } })));
      expect(interactive).toMatchObject({ code: 'P2002', message: 'Prisma error P2002' });
      for (const error of [missing, foreign, batch, interactive])
        expect(scanBytes(shown(error), [secret, other])).toEqual([]);
      await expect(errorOf(() => client.user.findMany({ where: { note: secret as never } }))).resolves.toEqual(
        typedError('ERR_UNSUPPORTED_FILTER'),
      );
    });

    it('redactErrors: raw SQL keeps the code of the database, and loses its words', async () => {
      const client = test.extend({ keyring: test.keyring, redactErrors: true });
      const quoted = (name: string) => (target.database === 'mysql' ? `\`${name}\`` : `"${name}"`);
      const queries: (() => Promise<unknown>)[] = [
        () => client.$executeRawUnsafe(`INSERT INTO ${quoted('Tag')} VALUES ('${other}')`),
        () => client.$executeRaw`INSERT INTO nowhere VALUES (${other})`,
        () => client.$queryRaw`SELECT * FROM nowhere WHERE id = ${other}`,
        () => client.$queryRawUnsafe(`SELECT ${quoted(other)}.x FROM ${quoted('Tag')}`),
        () => client.$transaction([client.$executeRawUnsafe(`INSERT INTO ${quoted('Tag')} VALUES ('${other}')`)]),
        () => client.$transaction((tx) => tx.$executeRawUnsafe(`INSERT INTO ${quoted('Tag')} VALUES ('${other}')`)),
      ];
      for (const query of queries) {
        const error = await errorOf(query);
        expect(error).toMatchObject({ code: 'P2010', message: 'Prisma error P2010', clientVersion: '7.10.0' });
        expect(error['meta']).toMatchObject({ driverAdapterError: { cause: { originalCode: expect.any(String) } } });
        expect(scanBytes(shown(error), [other])).toEqual([]);
      }
    });

    it('redactErrors leaves raw SQL and its results alone', async () => {
      const client = test.extend({ keyring: test.keyring, redactErrors: true });
      const table = target.database === 'mysql' ? '`Tag`' : '"Tag"';
      expect(await client.$executeRawUnsafe(`INSERT INTO ${table} VALUES ('a')`)).toBe(1);
      expect(await client.$queryRawUnsafe(`SELECT name FROM ${table} WHERE name = 'a'`)).toEqual([{ name: 'a' }]);
      const [rows, one] = await client.$transaction([
        client.$queryRaw`SELECT 1 AS one`,
        client.$executeRaw`DELETE FROM sealed_rows`,
      ]);
      expect([Number((rows as { one: unknown }[])[0]?.one), one]).toEqual([1, 0]);
      const rolledBack = client.$transaction(async (tx) => {
        await tx.$executeRawUnsafe(`DELETE FROM ${table}`);
        throw new Error('roll back');
      });
      await expect(rolledBack).rejects.toThrow('roll back');
      expect(await client.tag.count()).toBe(2);
    });
  });
});
