import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { newCanary, scanBytes, scanFiles } from '@fieldseal/testkit';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Client } from './harness.ts';
import { openDatabase, stopServers, TARGETS, type TestDatabase } from './harness.ts';

const opened: TestDatabase[] = [];
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
});
afterAll(stopServers);

/** Everything that an error shows, its causes and own properties included. */
function shown(error: unknown): string {
  const parts = [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error), String(error)];
  if (error instanceof Error) parts.push(error.stack ?? '', error.cause === undefined ? '' : shown(error.cause));
  return parts.join('\n');
}

describe.each(TARGETS)('$database with prisma-$generator leaks no plaintext', (target) => {
  it('into tables, files, statements or events', async () => {
    const canaries = Array.from({ length: 6 }, (_, at) => newCanary(`c${at}`));
    const [email = '', ssn = '', note = '', body = '', photo = '', profile = ''] = canaries;
    const events: unknown[] = [];
    const listen = (event: unknown) => events.push(event);
    const channels = ['fieldseal:cipher', 'fieldseal:failure', 'fieldseal:keyring', 'fieldseal:wear'];
    for (const channel of channels) subscribe(channel, listen);
    const test = await openDatabase(target);
    opened.push(test);
    const { db } = test;
    const data = { name: 'n', email, ssn, note, photo: Buffer.from(photo), profile: { profile } };
    const { id } = await db.user.create({ data: { ...data, posts: { create: { title: 't', body } } } });
    await db.user.createMany({ data: [{ ...data, email: `${email}2` }] });
    await db.user.update({ where: { email }, data: { note: { set: `${note}3` } } });
    await db.user.updateMany({ where: { ssn }, data: { note } });
    await db.user.upsert({ where: { id }, create: data, update: { ssn: `${ssn}4` } });
    expect(await db.user.findMany({ where: { email: { in: [email, 'x'] } }, include: { posts: true } })).toMatchObject([
      { posts: [{ body }] },
    ]);
    await db.post.deleteMany({ where: { body: { not: body } } });
    for (const channel of channels) unsubscribe(channel, listen);

    const tables = await Promise.all(['User', 'Post'].map((table) => test.raw(`SELECT * FROM "${table}"`)));
    const bytes = (value: unknown) =>
      Buffer.from(
        inspect(value, {
          depth: 10,
          maxArrayLength: null,
          maxStringLength: null,
          breakLength: Number.POSITIVE_INFINITY,
        }),
      );
    expect(test.statements.length).toBeGreaterThan(8);
    expect(events.length).toBeGreaterThan(8);
    expect(scanBytes(bytes({ tables, statements: test.statements, events }), canaries)).toEqual([]);
    const { folder } = test; // a server in a container or elsewhere shows its tables only
    if (folder === undefined) return;
    await test.flush();
    expect(await scanFiles([folder], canaries)).toEqual([]);
    await test.plain.org.create({ data: { name: 'control', data: note } }); // the scan does find what is there
    await test.flush();
    expect(await scanFiles([folder], canaries)).not.toEqual([]);
  });

  it('into errors', async () => {
    const canary = newCanary('error');
    const test = await openDatabase(target);
    opened.push(test);
    const { db } = test;
    const { id } = await db.user.create({ data: { name: 'n', email: canary, note: canary } });
    const queries: ((client: Client) => Promise<unknown>)[] = [
      (c) => c.user.findMany({ where: { note: canary as never } }),
      (c) => c.user.findMany({ where: { email: { contains: canary } as never } }),
      (c) => c.user.create({ data: { name: 'n', email: canary } }), // unique constraint
      (c) => c.user.create({ data: { name: 'n', email: `${canary}\ud800` } }),
      (c) => c.user.create({ data: { name: 'n', email: canary, note: { set: canary, push: canary } as never } }),
      (c) => c.user.create({ data: { name: 5 as never, email: `${canary}x`, ssn: canary } }), // Prisma prints its arguments
      (c) => c.user.update({ where: { id: 'none' }, data: { note: canary } }),
      (c) => c.user.findUniqueOrThrow({ where: { email: `${canary}y` } }),
      (c) => c.user.findMany({ where: { profile: { equals: { canary } as never } } }),
    ];
    for (const query of queries) {
      const error = await (async () => query(db))().then(
        () => expect.unreachable('the query should fail'),
        (reason: unknown) => reason,
      );
      expect(scanBytes(Buffer.from(shown(error)), [canary])).toEqual([]);
    }
    const raw = await test.plain.user.findUniqueOrThrow({ where: { id } });
    await test.plain.user.update({ where: { id }, data: { note: raw.email } });
    const error = await db.user.findMany().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_DECRYPT' });
    expect(scanBytes(Buffer.from(shown(error)), [canary, raw.email.slice(20)])).toEqual([]);
  });
});
