import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';

/** A source file of the application. */
export interface SourceFile {
  /** Relative to the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Endings of files that can make a client. */
const SOURCE = /\.[cm]?[jt]sx?$/;
const DECLARATIONS = /\.d\.[cm]?ts$/;
/** Folders that hold other people's or built code. Those that begin with a dot are left out as well. */
const SKIPPED: ReadonlySet<string> = new Set(['node_modules', 'dist', 'build', 'out', 'coverage', 'generated']);

/** More files than this are another repository's, or a mistake. */
const MAX_FILES = 20_000;
/** Larger files are bundles. */
const MAX_BYTES = 1024 * 1024;

/**
 * Source files under a folder. Links are not followed.
 *
 * @param excluded - absolute folders that are left out
 * @returns at most `limit` files, and whether there were more
 */
export async function sourceFiles(
  project: string,
  excluded: readonly string[],
  limit: number = MAX_FILES,
): Promise<{ readonly files: readonly SourceFile[]; readonly more: boolean }> {
  const root = resolve(project);
  const without = new Set(excluded);
  const files: SourceFile[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name) && !entry.name.startsWith('.') && !without.has(path)) folders.push(path);
      } else if (entry.isFile() && SOURCE.test(entry.name) && !DECLARATIONS.test(entry.name)) {
        if (files.length >= limit) return { files, more: true };
        const text = await textOf(path);
        if (text !== null) files.push({ path: relative(root, path).split(sep).join('/'), text });
      }
    }
  }
  return { files, more: false };
}

async function textOf(path: string): Promise<string | null> {
  try {
    const { size } = await lstat(path);
    return size > MAX_BYTES ? null : await readFile(path, 'utf8');
  } catch {
    return null;
  }
}
