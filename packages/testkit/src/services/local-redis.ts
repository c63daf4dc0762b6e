import { rmSync } from 'node:fs';
import { onFreePort } from './free-port.ts';
import { findRedisProgram } from './redis-program.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { libraryEnvironment, type ServerProgram } from './server-program.ts';
import { type ServiceEnvironment, SourceUnavailable } from './service-source.ts';

/** A Sentinel knows neither. */
const IN_MEMORY: readonly string[] = ['--save', '', '--appendonly', 'no'];

/** A Redis server of this machine in a folder of its own. */
export interface LocalRedis extends Pick<ServerProcess, 'stop'> {
  readonly url: string;
}

/**
 * Starts Redis from a program on this machine. It keeps nothing on disk, unless the arguments say otherwise.
 *
 * @param args - for redis-server, before its port: a configuration file may be the first
 * @throws SourceUnavailable if there is no program; Error if it fails
 */
export async function startLocalRedis(env: ServiceEnvironment, args: readonly string[] = []): Promise<LocalRedis> {
  const program = findRedisProgram(env);
  if (program === undefined)
    throw new SourceUnavailable('no redis-server in TEST_REDIS_BIN, PATH or .cache/services/redis');
  const folder = scratchFolder('redis', undefined);
  try {
    return await onFreePort((port) => serve(program, args, folder, port));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function serve(
  program: ServerProgram,
  args: readonly string[],
  folder: string,
  port: number,
): Promise<LocalRedis> {
  const { stop } = await startServer({
    program: program.path,
    args: [...args, '--port', String(port), '--bind', '127.0.0.1', ...(args.includes('--sentinel') ? [] : IN_MEMORY)],
    folder,
    ready: /Ready to accept connections|Sentinel ID is/,
    stopSignal: 'SIGTERM',
    env: libraryEnvironment(program),
  });
  return { url: `redis://127.0.0.1:${port}`, stop };
}
