import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { ServiceEnvironment } from './service-source.ts';

/** Whether `path` is a file that this user may execute. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The full path of a program on PATH, or undefined. */
export function programOnPath(name: string, env: ServiceEnvironment): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** The nearest `.cache/services/<name>` at or above `from`, where the set-up unpacks servers, or undefined. */
export function unpackedService(name: string, from: string): string | undefined {
  const folder = join(from, '.cache', 'services', name);
  if (existsSync(folder)) return folder;
  const parent = dirname(from);
  return parent === from ? undefined : unpackedService(name, parent);
}
