import { join } from 'node:path';
import { isProgram, programOnPath, unpackedService } from './program-path.ts';
import { type ServerProgram, unpackedProgram } from './server-program.ts';
import type { ServiceEnvironment } from './service-source.ts';

/**
 * The software TPM of this machine: TEST_SWTPM_BIN, else PATH, else the one that the set-up unpacked at or above `from`. Undefined if there
 * is none.
 */
export function findSwtpmProgram(env: ServiceEnvironment, from: string = process.cwd()): ServerProgram | undefined {
  const named = env['TEST_SWTPM_BIN'];
  if (named) return isProgram(named) ? { path: named, libraryFolders: [] } : undefined;
  const onPath = programOnPath('swtpm', env);
  if (onPath !== undefined) return { path: onPath, libraryFolders: [] };
  const unpacked = unpackedService('swtpm', from);
  return unpacked === undefined ? undefined : unpackedSwtpm(unpacked);
}

/** The software TPM in a folder that Debian packages were unpacked into, or undefined. */
export function unpackedSwtpm(folder: string): ServerProgram | undefined {
  const program = unpackedProgram(folder, 'usr/bin/swtpm');
  if (program === undefined) return undefined;
  // Its own library lies in a folder that only the installed program knows.
  return { ...program, libraryFolders: program.libraryFolders.flatMap((lib) => [lib, join(lib, 'swtpm')]) };
}
