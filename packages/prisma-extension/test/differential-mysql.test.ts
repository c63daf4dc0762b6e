import { randomInt } from 'node:crypto';
import { startMariadb } from '@fieldseal/testkit';
import { expect, it } from 'vitest';
import { compare, openMariadb } from './differential/comparison.ts';

/** SEED=n, with the seed that a failure prints, shows it again. */
const SLOW = process.env['SLOW'] !== undefined;

it('random schemas on mysql: an encrypted client gives what a plain one gives', { timeout: 3_600_000 }, async () => {
  const operations = SLOW ? 15_000 : 2_000;
  const server = await startMariadb();
  try {
    const seed = Number(process.env['SEED'] ?? (SLOW ? randomInt(1e6) : 1));
    const counts = await compare('mysql', openMariadb(server), { operations, perSchema: 200, seed });
    expect(counts.operations).toBeGreaterThanOrEqual(operations);
  } finally {
    await server.stop();
  }
});
