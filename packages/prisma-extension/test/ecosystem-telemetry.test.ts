import { join } from 'node:path';
import { inspect } from 'node:util';
import { newCanary, scanBytes } from '@fieldseal/testkit';
import { trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaInstrumentation } from '@prisma/instrumentation';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryption } from '../src/index.ts';
import { PrismaClient } from './generated/sqlite-client/client.ts';
import { type Client, freshKeyring, stopServers, TARGETS, useDatabase } from './harness.ts';

afterAll(stopServers);

const bytes = (value: unknown) =>
  Buffer.from(inspect(value, { depth: 12, maxArrayLength: null, maxStringLength: null, breakLength: 1e9 }));

/** Queries of every kind, of which some fail; each holds the canary in an encrypted field. */
async function useClient(db: Client, canary: string): Promise<void> {
  await db.user.create({
    data: { name: 'n', email: canary, note: canary, posts: { create: { title: 't', body: canary } } },
  });
  await db.user.findUnique({ where: { email: canary }, include: { posts: true } });
  await db.user.updateMany({ where: { email: { in: [canary, 'x'] } }, data: { ssn: canary } });
  await db.$transaction((tx) => tx.user.findMany({ where: { posts: { some: { body: canary } } } }));
  const failing: (() => Promise<unknown>)[] = [
    () => db.user.create({ data: { name: 'n', email: canary } }),
    () => db.user.create({ data: { name: 5 as never, email: `${canary}2`, note: canary } }),
    () => db.user.findMany({ where: { note: canary as never } }),
    () => db.user.update({ where: { id: 'none' }, data: { note: canary } }),
    () => db.user.findUniqueOrThrow({ where: { email: `${canary}3` } }),
    () => db.$transaction([db.user.create({ data: { name: 'n', email: canary } })]),
  ];
  for (const query of failing) await expect((async () => query())()).rejects.toBeInstanceOf(Error);
}

describe.each(TARGETS.filter(({ generator }) => generator === 'client'))(
  'spans of OpenTelemetry on $database with prisma-$generator',
  (target) => {
    const exporter = new InMemorySpanExporter();
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    const instrumentation = new PrismaInstrumentation();
    beforeAll(() => {
      provider.register();
      instrumentation.setTracerProvider(provider);
      instrumentation.enable();
    });
    afterAll(async () => {
      instrumentation.disable();
      await provider.shutdown();
      trace.disable();
    });
    const database = useDatabase(target);

    it('hold no plaintext', async () => {
      const canary = newCanary('span');
      exporter.reset();
      await useClient(database.current.db, canary);
      const spans = exporter.getFinishedSpans();
      expect(spans.map(({ name }) => name)).toContain('prisma:client:operation');
      expect(JSON.stringify(spans.map(({ attributes }) => attributes))).toMatch(/INSERT INTO/);
      const shown = spans.map(({ name, attributes, events, status, links }) => ({
        name,
        attributes,
        events,
        status,
        links,
      }));
      expect(scanBytes(bytes(shown), [canary])).toEqual([]);
      await trace.getTracer('test').startActiveSpan('ours', async (span) => {
        await database.current.db.user.count();
        span.end();
      });
      const ours = exporter.getFinishedSpans().find(({ name }) => name === 'ours');
      const operation = exporter.getFinishedSpans().at(-2);
      expect(operation?.spanContext().traceId).toBe(ours?.spanContext().traceId); // the context survives the extension
    });
  },
);

describe("Prisma's own log", () => {
  const database = useDatabase({ database: 'sqlite', generator: 'client' });

  it.each([false, true])('holds no plaintext in any event (redactErrors %s)', async (redactErrors) => {
    const canary = newCanary('log');
    const levels = ['query', 'info', 'warn', 'error'] as const;
    const base = new PrismaClient({
      adapter: new PrismaLibSql({ url: `file:${join(database.current.folder as string, 'test.db')}` }),
      log: levels.map((level) => ({ emit: 'event' as const, level })),
    });
    const events: { level: string; event: unknown }[] = [];
    for (const level of levels) base.$on(level, (event: unknown) => events.push({ level, event }));
    const keyring = await freshKeyring();
    await useClient(base.$extends(encryption({ keyring, redactErrors })) as unknown as Client, canary);
    await base.$disconnect();
    expect(events.filter(({ level }) => level === 'query').length).toBeGreaterThan(5);
    expect(events.filter(({ level }) => level === 'error').length).toBeGreaterThan(2);
    expect(scanBytes(bytes(events), [canary])).toEqual([]);
  });
});
