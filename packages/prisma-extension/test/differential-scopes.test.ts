import { randomInt } from 'node:crypto';
import { startMariadb, startPostgres } from '@fieldseal/testkit';
import { expect, it } from 'vitest';
import { compare, type Opener, openMariadb, openPostgres, openSqlite } from './differential/comparison.ts';
import type { Target } from './harness.ts';

const SLOW = process.env['SLOW'] !== undefined;

/** How an empty database of each kind is made, and what ends the server behind it. */
const SERVERS: Readonly<Record<Target['database'], () => Promise<{ opener: Opener; stop(): Promise<void> }>>> = {
  sqlite: async () => ({ opener: openSqlite, stop: async () => {} }),
  postgresql: async () => {
    const server = await startPostgres();
    return { opener: openPostgres(server), stop: () => server.stop() };
  },
  mysql: async () => {
    const server = await startMariadb();
    return { opener: openMariadb(server), stop: () => server.stop() };
  },
};

/** Every model has its tenant, and nothing but the client's option names it: queries are confined, rows filled, and the results the same. */
it.each(Object.keys(SERVERS) as Target['database'][])(
  'random schemas with @scope on %s: a client in a scope gives what a plain one gives',
  { timeout: 3_600_000 },
  async (database) => {
    const { opener, stop } = await SERVERS[database]();
    try {
      const operations = SLOW ? 10_000 : database === 'sqlite' ? 400 : 150;
      const seed = Number(process.env['SEED'] ?? (SLOW ? randomInt(1e6) : 7));
      const counts = await compare(database, opener, { operations, perSchema: SLOW ? 200 : 100, seed, scoped: true });
      expect(counts.operations).toBeGreaterThanOrEqual(operations);
      expect(counts.refused).toBeLessThan(counts.operations / 2);
    } finally {
      await stop();
    }
  },
);
