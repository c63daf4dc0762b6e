import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FieldsealError } from '@fieldseal/core';
import type { BackupTarget } from './target.ts';

/** Ending of files that are being written. */
const PARTIAL = '.partial';

/** A folder of this machine, or one that is mounted: files of mode 0600, written beside their place, synced and renamed. */
export function folderTarget(path: string): BackupTarget {
  return {
    label: path,
    list: () =>
      tried(`${path} cannot be read`, async () => {
        const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return [];
          throw error;
        });
        return names.filter((name) => !name.endsWith(PARTIAL)).sort();
      }),
    write: (name, content) => tried(`a backup cannot be written to ${path}`, () => writeWhole(path, name, content)),
    read: (name) => readAll(path, name),
    remove: (name) =>
      tried(`a backup cannot be removed from ${path}`, async () => {
        await rm(join(path, name), { force: true });
        await syncFolder(path);
      }),
  };
}

async function writeWhole(folder: string, name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [target, partial] = [join(folder, name), join(folder, name + PARTIAL)];
  try {
    const file = await open(partial, 'w', 0o600);
    try {
      for await (const part of content) await file.write(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** A rename lasts once its folder is synced. */
async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | undefined;
  try {
    folder = await open(path, 'r');
    await folder.sync();
  } catch {
    // Not every file system syncs folders; the file itself is durable.
  } finally {
    await folder?.close();
  }
}

async function* readAll(folder: string, name: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(join(folder, name));
  } catch (cause) {
    throw new FieldsealError('ERR_BACKUP_TARGET', `a backup in ${folder} cannot be read`, { cause });
  }
}

async function tried<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof FieldsealError) throw cause;
    throw new FieldsealError('ERR_BACKUP_TARGET', message, { cause });
  }
}
