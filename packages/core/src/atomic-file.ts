import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FieldsealError } from './errors.ts';
import { FileLock } from './file-lock.ts';

/** Largest file that is read, in bytes: a keyring is a few kilobytes. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * A small text file that is only ever replaced whole: readers see the old or the new content, a crash leaves one of the two, and writers
 * take turns by a lock file. Mode 0600.
 */
export class AtomicFile {
  /** Path of the file. */
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The content; null when there is no file. Throws ERR_KEYRING_IO when it cannot be read. */
  async read(): Promise<string | null> {
    let file: FileHandle | undefined;
    try {
      file = await open(this.path, 'r');
      const about = await file.stat();
      if (about.size > MAX_BYTES) throw new FieldsealError('ERR_KEYRING_IO', `${this.path} is too large`);
      return await file.readFile('utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw ioError(error, `${this.path} cannot be read`);
    } finally {
      await file?.close();
    }
  }

  /**
   * Replaces the content if it is still `expected` (null: no file), and returns whether it did.
   *
   * @throws ERR_KEYRING_BUSY when another writer holds the lock for five seconds, ERR_KEYRING_IO when writing fails
   */
  async replace(expected: string | null, next: string): Promise<boolean> {
    const target = await this.#target();
    const lock = await lockOf(target);
    try {
      if ((await this.read()) !== expected) return false;
      await write(target, next, lock);
      return true;
    } finally {
      await lock.release().catch((error: unknown) => {
        throw ioError(error, `the lock of ${this.path} cannot be removed`);
      });
    }
  }

  /** The file behind a symbolic link: the link stays, and all its names have one lock. Makes the folder. */
  async #target(): Promise<string> {
    await makeFolder(dirname(this.path)).catch((error: unknown) => {
      throw ioError(error, `the folder of ${this.path} cannot be made`);
    });
    return realpath(this.path).catch(() => this.path);
  }
}

/** Makes a folder and those above it. Node 20's recursive mkdir never ends where a file system has no room for folders, as /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path).catch((second: unknown) => {
      if (codeOf(second) !== 'EEXIST') throw second;
    });
  }
}

async function lockOf(path: string): Promise<FileLock> {
  const lock = await FileLock.acquire(`${path}.lock`).catch((error: unknown) => {
    throw ioError(error, `${path} cannot be written`);
  });
  if (lock !== null) return lock;
  throw new FieldsealError('ERR_KEYRING_BUSY', `${path} is locked by another writer`, {
    hint: `Try again. If nothing changes it, remove ${path}.lock.`,
  });
}

/** Written beside, flushed, renamed over, and the folder flushed: the order that survives a power cut. */
async function write(path: string, text: string, lock: FileLock): Promise<void> {
  await removeLeftovers(path);
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (!(await lock.held())) throw new FieldsealError('ERR_KEYRING_BUSY', `${path} was taken over by another writer`);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first fault is the one to report
    throw ioError(error, `${path} cannot be written`);
  }
  await syncFolder(dirname(path));
}

/** Temporary files of writers that were killed. Whoever holds the lock is the only one that may have one. */
async function removeLeftovers(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => []);
  const leftovers = names.filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.tmp'));
  for (const name of leftovers) await rm(join(dirname(path), name), { force: true }).catch(() => undefined);
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    await folder.sync().finally(() => folder.close());
  } catch {
    // Windows cannot open folders; the rename itself is atomic there.
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function ioError(error: unknown, message: string): FieldsealError {
  if (error instanceof FieldsealError) return error;
  return new FieldsealError('ERR_KEYRING_IO', `${message} (${String(codeOf(error) ?? 'unknown reason')})`, {
    cause: error,
  });
}
