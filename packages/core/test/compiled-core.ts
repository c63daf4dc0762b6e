import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The sources of core as JavaScript, for tests that need processes of their own: a build of this moment, never a stale one. */
export interface CompiledCore {
  /** URL of a module of `src`, named as there: `index`, `atomic-file`. */
  url(module: string): string;
  /** Writes a program beside the modules, and returns its path. */
  program(name: string, text: string): Promise<string>;
  /** Removes everything. */
  remove(): Promise<void>;
}

/** Compiles core into a folder of its own below the repository, where its dependencies are found. */
export async function compileCore(): Promise<CompiledCore> {
  const cache = join(ROOT, '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'core-'));
  const options = {
    rootDir: join(ROOT, 'packages/core/src'),
    outDir: folder,
    tsBuildInfoFile: join(folder, '.tsbuildinfo'),
  };
  const config = {
    extends: join(ROOT, 'packages/core/tsconfig.json'),
    include: [options.rootDir],
    compilerOptions: options,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], {
    cwd: ROOT,
  });
  return {
    url: (module) => pathToFileURL(join(folder, `${module}.js`)).href,
    program: async (name, text) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
