import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The sources of core and of this package as JavaScript, for tests that need processes of their own: a build of this moment. */
export interface CompiledPackages {
  /** URL of the entry of a package. */
  readonly urls: { readonly core: string; readonly cache: string };
  /** Writes a program beside the modules, and returns its path. */
  program(name: string, text: string): Promise<string>;
  /** Removes everything. */
  remove(): Promise<void>;
}

/** Compiles into a folder of its own below the repository, where the dependencies are found. */
export async function compilePackages(): Promise<CompiledPackages> {
  const scratch = join(ROOT, '.cache');
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, 'cache-'));
  const source = (name: string): string => join(ROOT, 'packages', name, 'src');
  const compilerOptions = {
    rootDir: join(ROOT, 'packages'),
    outDir: folder,
    tsBuildInfoFile: join(folder, '.tsbuildinfo'),
    // This package takes nothing but types from core.
    paths: { '@fieldseal/core': [join(source('core'), 'index.ts')] },
  };
  const config = {
    extends: join(ROOT, 'tsconfig.base.json'),
    include: [source('core'), source('cache')],
    compilerOptions,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], {
    cwd: ROOT,
  });
  const url = (name: string): string => pathToFileURL(join(folder, name, 'src/index.js')).href;
  return {
    urls: { core: url('core'), cache: url('cache') },
    program: async (name, text) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
