import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FieldsealError } from './errors.ts';

/** How long to wait for another writer, in ms, and how often to look. */
const LOCK_WAIT_MS = 5000;
const LOCK_POLL_MS = 20;

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
    try {
      const bytes = await readFile(this.path);
      if (bytes.length > MAX_BYTES) throw new FieldsealError('ERR_KEYRING_IO', `${this.path} is too large`);
      return bytes.toString('utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw ioError(error, `${this.path} cannot be read`);
    }
  }

  /**
   * Replaces the content if it is still `expected` (null: no file), and returns whether it did.
   *
   * @throws ERR_KEYRING_BUSY when another writer holds the lock for five seconds, ERR_KEYRING_IO when writing fails
   */
  async replace(expected: string | null, next: string): Promise<boolean> {
    const lock = await this.#lock();
    try {
      if ((await this.read()) !== expected) return false;
      await this.#write(next);
      return true;
    } finally {
      await lock.close();
      await rm(`${this.path}.lock`, { force: true }).catch((error: unknown) => {
        throw ioError(error, `the lock of ${this.path} cannot be removed`);
      });
    }
  }

  async #lock(): Promise<FileHandle> {
    const path = `${this.path}.lock`;
    const deadline = performance.now() + LOCK_WAIT_MS;
    await mkdir(dirname(this.path), { recursive: true }).catch((error: unknown) => {
      throw ioError(error, `the folder of ${this.path} cannot be made`);
    });
    for (;;) {
      try {
        return await open(path, 'wx', 0o600);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw ioError(error, `${this.path} cannot be written`);
        if (performance.now() > deadline) {
          const hint = `If no process is changing it, one was stopped while it did: remove ${path}.`;
          throw new FieldsealError('ERR_KEYRING_BUSY', `${this.path} is locked by another writer`, { hint });
        }
        await sleep(LOCK_POLL_MS);
      }
    }
  }

  /** Written beside, flushed, renamed over, and the folder flushed: the order that survives a power cut. */
  async #write(text: string): Promise<void> {
    const temporary = `${this.path}.${randomUUID()}.tmp`;
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined); // the first fault is the one to report
      throw ioError(error, `${this.path} cannot be written`);
    }
    await syncFolder(dirname(this.path));
  }
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
