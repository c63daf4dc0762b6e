import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const pages = [
  ...readdirSync(`${ROOT}docs/security`).map((name) => `docs/security/${name}`),
  'docs/audit.md',
  'docs/dashboard.md',
];

test.each(pages)('%s names only files that exist', (page) => {
  const text = readFileSync(ROOT + page, 'utf8');
  const named = [...text.matchAll(/(?:packages|scripts|examples)\/[\w./-]*[\w]/g)].map(([path]) => path);
  // What is built, and what tests leave behind, is not there in a fresh checkout.
  expect(named.filter((path) => !path.includes('/dist/') && !existsSync(ROOT + path))).toEqual([]);
  const linked = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target as string);
  expect(linked.filter((target) => !existsSync(`${ROOT}${dirname(page)}/${target}`))).toEqual([]);
  expect(named.length + linked.length).toBeGreaterThan(0);
});
