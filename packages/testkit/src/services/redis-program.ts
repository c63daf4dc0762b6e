import { isProgram, programOnPath, unpackedService } from './program-path.ts';
import { type ServerProgram, unpackedProgram } from './server-program.ts';
import type { ServiceEnvironment } from './service-source.ts';

/**
 * The Redis program of this machine: TEST_REDIS_BIN, else PATH, else the one that the set-up unpacked at or above `from`.
 * Undefined if there is none.
 */
export function findRedisProgram(env: ServiceEnvironment, from: string = process.cwd()): ServerProgram | undefined {
  const named = env['TEST_REDIS_BIN'];
  if (named) return isProgram(named) ? { path: named, libraryFolders: [] } : undefined;
  const onPath = programOnPath('redis-server', env);
  if (onPath !== undefined) return { path: onPath, libraryFolders: [] };
  const unpacked = unpackedService('redis', from);
  return unpacked === undefined ? undefined : unpackedRedis(unpacked);
}

/** The Redis program in a folder that Debian packages were unpacked into, or undefined. */
export function unpackedRedis(folder: string): ServerProgram | undefined {
  return unpackedProgram(folder, 'usr/bin/redis-server');
}
