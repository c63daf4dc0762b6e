import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FieldsealTestError } from '../testkit-error.ts';

/**
 * Every file at or under the paths, each once, through links too: a database may link to folders elsewhere. Sockets and pipes
 * are left out.
 *
 * @throws FieldsealTestError if one of the paths does not exist
 */
export async function* filesUnder(paths: readonly string[]): AsyncGenerator<string> {
  const seen = new Set<string>();
  for (const path of paths) {
    if (!(await exists(path))) throw new FieldsealTestError(`there is nothing to scan at ${path}`);
    yield* walk(path, seen);
  }
}

async function* walk(path: string, seen: Set<string>): AsyncGenerator<string> {
  // What vanishes between listing and reading is passed over.
  if (!(await exists(path))) return;
  const real = await realpath(path);
  if (seen.has(real)) return;
  seen.add(real);
  const entry = await stat(real);
  if (entry.isFile()) yield path;
  if (entry.isDirectory()) for (const name of (await readdir(real)).sort()) yield* walk(join(path, name), seen);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
