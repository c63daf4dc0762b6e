/**
 * Joins the built modules of core and the Prisma extension into few files, so that a program starts faster: Node takes about a millisecond
 * for each module that it loads. What is not ours stays an import.
 *
 *     node scripts/bundle.mjs
 *
 * It reads packages/<name>/dist, which `tsc -b` writes, and writes packages/<name>/lib. It does nothing where that is up to date.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Entries of each package: file of lib/ and the module of dist/ that it stands for. */
const PACKAGES = {
  core: { index: 'index', internal: 'internal', kek: 'kek-providers' },
  'prisma-extension': { index: 'index', internal: 'internal', generator: 'generator/bin' },
};

for (const [name, entries] of Object.entries(PACKAGES)) {
  const folder = join(ROOT, 'packages', name);
  if (newest(join(folder, 'lib')) >= newest(join(folder, 'dist'))) continue;
  const input = Object.fromEntries(
    Object.entries(entries).map(([to, from]) => [to, join(folder, 'dist', `${from}.js`)]),
  );
  const bundle = await rolldown({ input, platform: 'node', external: /^[^./]/, logLevel: 'warn' });
  rmSync(join(folder, 'lib'), { recursive: true, force: true });
  // What several entries share goes into one file, and not into one for each combination of entries.
  const codeSplitting = { groups: [{ name: 'shared', minShareCount: 2 }] };
  await bundle.write({
    dir: join(folder, 'lib'),
    format: 'esm',
    chunkFileNames: '[name].js',
    codeSplitting,
    sourcemap: false,
  });
  await bundle.close();
}

/** When the newest JavaScript of a folder was written, in ms since the Unix epoch; 0 when there is none. */
function newest(folder) {
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.js'));
  return Math.max(0, ...files.map((file) => statSync(join(folder, file)).mtimeMs));
}
