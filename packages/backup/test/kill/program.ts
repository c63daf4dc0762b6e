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
  const folder = mkdtempSync(join(cache, 'backup-'));
  const source = (path: string): string => join(ROOT, 'packages', path);
  const bundle = await rolldown({
    input: fileURLToPath(new URL('worker.ts', import.meta.url)),
    platform: 'node',
    external: /^(?!@fieldseal\/)[^./]/,
    logLevel: 'silent',
    resolve: {
      alias: {
        '@fieldseal/core': source('core/src/index.ts'),
        '@fieldseal/backup': source('backup/src/index.ts'),
      },
    },
  });
  await bundle.write({ dir: folder, format: 'esm', entryFileNames: 'worker.mjs', chunkFileNames: '[name].mjs' });
  await bundle.close();
  return { path: join(folder, 'worker.mjs'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
