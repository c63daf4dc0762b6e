import { randomInt } from 'node:crypto';
import { startPostgres } from '@fieldseal/testkit';
import { expect, it } from 'vitest';
import { compare, openPostgres } from './differential/comparison.ts';

/** SEED=n, with the seed that a failure prints, shows it again. */
const SLOW = process.env['SLOW'] !== undefined;

it('random schemas on postgresql: an encrypted client gives what a plain one gives', {
  timeout: 3_600_000,
}, async () => {
  const operations = SLOW ? 15_000 : 2_000;
  const server = await startPostgres();
  try {
    const seed = Number(process.env['SEED'] ?? (SLOW ? randomInt(1e6) : 1));
    const counts = await compare('postgresql', openPostgres(server), { operations, perSchema: 200, seed });
    expect(counts.operations).toBeGreaterThanOrEqual(operations);
  } finally {
    await server.stop();
  }
});
