import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../prisma/${path}`, import.meta.url), 'utf8');

const CHECKSUMS: Readonly<Record<string, string>> = {
  sqlite: '8316f54ff849158044143bdc70b8ad0fc4c97fc8931a253162181d10c90ec69f',
  postgresql: '54bdff0ff2608d06155acb585b1629b79e6016f91e3f598c372148f5e71d3b59',
};

/** A schema without what its provider decides. */
function common(provider: string): string {
  return read(`${provider}/schema.prisma`)
    .replace(`provider = "${provider}"`, 'provider = "…"')
    .replaceAll(`generated/${provider}`, 'generated/…');
}

test('the two schemas differ in provider and output only', () => {
  expect(common('sqlite')).toBe(common('postgresql'));
  expect(common('sqlite')).not.toContain('sqlite');
});

test('eight fields of three models are encrypted', () => {
  expect(read('sqlite/schema.prisma').match(/^ *\/\/\/ @encrypted/gm)).toHaveLength(8);
  expect(read('sqlite/schema.prisma').match(/^model /gm)).toHaveLength(3);
});

test('the migrations of each provider are locked to it and belong to the same schema', () => {
  for (const provider of ['sqlite', 'postgresql']) {
    expect(read(`${provider}/migrations/migration_lock.toml`)).toContain(`provider = "${provider}"`);
    const sql = read(`${provider}/migrations/20261101090000_init/migration.sql`);
    for (const table of ['Patient', 'Visit', 'Practitioner']) expect(sql).toContain(`CREATE TABLE "${table}"`);
    // Databases that were migrated remember this: an applied migration is never edited.
    expect(createHash('sha256').update(sql).digest('hex')).toBe(CHECKSUMS[provider]);
  }
});
