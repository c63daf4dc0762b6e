import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { startOpener } from './differential/comparison.ts';
import { compareTenants } from './differential/tenants.ts';

const SLOW = process.env['SLOW'] !== undefined;
const seed = Number(process.env['SEED'] ?? (SLOW ? randomInt(1e6) : 3));

it.each(['sqlite', 'postgresql'] as const)(
  'random schemas with @scope on %s: no operation of a tenant touches rows of another, or gives something else for them',
  { timeout: 3_600_000 },
  async (database) => {
    const { opener, stop } = await startOpener(database);
    try {
      const operations = SLOW ? 10_000 : database === 'sqlite' ? 400 : 150;
      const counts = await compareTenants(database, opener, { operations, perSchema: SLOW ? 200 : 100, seed });
      expect(counts.operations).toBeGreaterThanOrEqual(operations);
      expect(counts.refused).toBeLessThan(counts.operations / 2);
      expect(counts.foreign).toBeGreaterThan(counts.operations / 10);
    } finally {
      await stop();
    }
  },
);
