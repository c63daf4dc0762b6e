import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isProgram } from './program-path.ts';

/** A server program, and where it finds libraries that came with it. */
export interface ServerProgram {
  readonly path: string;
  /** Empty for an installed program: the system finds its libraries. */
  readonly libraryFolders: readonly string[];
}

/** The program at `path` in a folder that Debian packages were unpacked into, or undefined. */
export function unpackedProgram(folder: string, path: string): ServerProgram | undefined {
  const full = join(folder, path);
  if (!isProgram(full)) return undefined;
  return { path: full, libraryFolders: [join(folder, 'usr', 'lib'), join(folder, 'lib')].flatMap(multiarchFolders) };
}

/** Environment in which the program finds the libraries that were unpacked beside it. */
export function libraryEnvironment({ libraryFolders }: ServerProgram): NodeJS.ProcessEnv {
  if (libraryFolders.length === 0) return process.env;
  const folders = [...libraryFolders, process.env['LD_LIBRARY_PATH'] ?? ''].filter((folder) => folder !== '');
  return { ...process.env, LD_LIBRARY_PATH: folders.join(delimiter) };
}

/** Debian keeps libraries in a folder per architecture. */
function multiarchFolders(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => /-linux-gnu/.test(name))
    .map((name) => join(root, name));
}
