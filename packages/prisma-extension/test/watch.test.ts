import { AsyncLocalStorage } from 'node:async_hooks';
import { FieldsealError, type ReadWatch } from '@fieldseal/core';
import { afterAll, afterEach, expect, it } from 'vitest';
import { openDatabase, stopServers, TARGETS, type TestDatabase, typedError } from './harness.ts';

const [target] = TARGETS.filter(({ database }) => database === 'sqlite') as [(typeof TARGETS)[number]];
const opened: TestDatabase[] = [];
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
});
afterAll(stopServers);

it('a watch sees the cells of each query, still encrypted, and may refuse to open them', async () => {
  const calls: string[] = [];
  let refuse = false;
  const watch: ReadWatch = {
    admit: () => {
      if (refuse) throw new FieldsealError('ERR_READ_STOPPED', 'reading was stopped');
    },
    opened: (cells) => {
      for (const { stored } of cells) expect(stored).toMatch(/^fs1:/);
      calls.push(cells.map(({ spec }) => `${spec.model}.${spec.field}`).join(' '));
    },
    failed: (code) => void calls.push(code),
  };
  const test = await openDatabase(target, { watch: [watch] });
  opened.push(test);
  const { db } = test;
  const { id } = await db.user.create({ data: { name: 'Ada', email: 'ada@x', note: 'first' } });
  expect(calls.splice(0)).toEqual(['User.email User.note']);
  expect(await db.user.findMany()).toHaveLength(1);
  expect(calls.splice(0)).toEqual(['User.email User.note']);

  await test.plain.user.update({ where: { id }, data: { note: 'plaintext' } });
  await expect(db.user.findMany()).rejects.toEqual(typedError('ERR_CELL_FORMAT'));
  expect(calls.splice(0)).toEqual(['ERR_CELL_FORMAT']);

  refuse = true;
  await expect(db.user.findMany({ select: { email: true } })).rejects.toEqual(typedError('ERR_READ_STOPPED'));
  expect(calls).toEqual([]);
  expect(await db.user.count()).toBe(1);
});

it('a watch knows by an AsyncLocalStorage who asks, also where Prisma batches the queries of several', async () => {
  const session = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const who = (): void => void seen.push(session.getStore());
  const test = await openDatabase(target, { watch: [{ admit: who, opened: who }] });
  opened.push(test);
  const { db } = test;
  const ids = await Promise.all(
    ['a@x', 'b@x', 'c@x'].map(async (email) => (await db.user.create({ data: { name: 'n', email } })).id),
  );
  seen.length = 0;
  const names = await Promise.all(
    ids.map((id, at) =>
      session.run(`client ${at}`, async () => {
        const user = await db.user.findUnique({ where: { id } });
        return user?.email;
      }),
    ),
  );
  expect(names).toEqual(['a@x', 'b@x', 'c@x']);
  expect(seen.sort()).toEqual(['client 0', 'client 0', 'client 1', 'client 1', 'client 2', 'client 2']);
});
