import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** A program of this moment's sources for processes of its own, never a stale build. */
export interface Program {
  readonly path: string;
  remove(): void;
}

/** Joins the worker and our sources into one file below the repository, where packages of others are found. */
export async function workerProgram(): Promise<Program> {
  const cache = join(ROOT, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'chaos-'));
  const source = (path: string): string => join(ROOT, 'packages', path);
  const bundle = await rolldown({
    input: join(ROOT, 'packages/prisma-extension/test/chaos/worker.ts'),
    platform: 'node',
    external: /^(?!@fieldseal\/)[^./]/,
    logLevel: 'silent',
    resolve: {
      alias: {
        '@fieldseal/core/jobs': source('core/src/jobs.ts'),
        '@fieldseal/core': source('core/src/index.ts'),
        '@fieldseal/prisma/jobs': source('prisma-extension/src/jobs.ts'),
      },
    },
  });
  await bundle.write({ dir: folder, format: 'esm', entryFileNames: 'worker.mjs', chunkFileNames: '[name].mjs' });
  await bundle.close();
  return { path: join(folder, 'worker.mjs'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
