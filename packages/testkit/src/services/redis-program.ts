import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isProgram, programOnPath, unpackedService } from './program-path.ts';
import type { ServiceEnvironment } from './service-source.ts';

/** A Redis server program, and where it finds libraries that came with it. */
export interface RedisProgram {
  readonly path: string;
  readonly libraryFolders: readonly string[];
}

/**
 * The Redis program of this machine: TEST_REDIS_BIN, else PATH, else the one that the set-up unpacked at or above `from`.
 * Undefined if there is none.
 */
export function findRedisProgram(env: ServiceEnvironment, from: string = process.cwd()): RedisProgram | undefined {
  const named = env['TEST_REDIS_BIN'];
  if (named) return isProgram(named) ? { path: named, libraryFolders: [] } : undefined;
  const onPath = programOnPath('redis-server', env);
  if (onPath !== undefined) return { path: onPath, libraryFolders: [] };
  const unpacked = unpackedService('redis', from);
  return unpacked === undefined ? undefined : unpackedRedis(unpacked);
}

/** The Redis program in a folder that Debian packages were unpacked into, or undefined. */
export function unpackedRedis(folder: string): RedisProgram | undefined {
  const path = join(folder, 'usr', 'bin', 'redis-server');
  if (!isProgram(path)) return undefined;
  return { path, libraryFolders: [join(folder, 'usr', 'lib'), join(folder, 'lib')].flatMap(multiarchFolders) };
}

/** Debian keeps libraries in a folder per architecture. */
function multiarchFolders(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => /-linux-gnu/.test(name))
    .map((name) => join(root, name));
}
