import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { compare, startOpener } from './differential/comparison.ts';

const SLOW = process.env['SLOW'] !== undefined;

/** Every model has its tenant, and nothing but the client's option names it: queries are confined, rows filled, and the results the same. */
it.each(['sqlite', 'postgresql', 'mysql'] as const)(
  'random schemas with @scope on %s: a client in a scope gives what a plain one gives',
  { timeout: 3_600_000 },
  async (database) => {
    const { opener, stop } = await startOpener(database);
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
