import { FieldsealError } from '@fieldseal/core';
import type { BackupTarget } from './target.ts';

/** What is used of an object store: a few lines over the client of S3, GCS or Azure. An object is there whole or not at all. */
export interface ObjectStore {
  /** Keys that begin so, all pages of them. */
  list(prefix: string): Promise<readonly string[]>;
  /** Stores an object; rejects and leaves nothing when the stream fails. Best refuses to replace one (`If-None-Match: *`). */
  put(key: string, content: AsyncIterable<Uint8Array>): Promise<unknown>;
  get(key: string): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
  delete(key: string): Promise<unknown>;
}

/**
 * Backups in an object store, under a prefix. Give the bucket versioning or object lock, and the writing program no right to delete: then a
 * program that was taken over cannot destroy the backups.
 */
export function objectTarget(store: ObjectStore, prefix = 'fieldseal/'): BackupTarget {
  const label = `the object store under ${prefix}`;
  return {
    label,
    list: () =>
      asked(`${label} cannot be listed`, async () => {
        const keys = await store.list(prefix);
        return keys.map((key) => key.slice(prefix.length)).sort();
      }),
    write: (name, content) =>
      asked(`a backup cannot be written to ${label}`, async () => void (await store.put(prefix + name, content))),
    read: async function* (name) {
      // Not around the loop: what the reader throws is his own.
      const content = await asked(`a backup in ${label} cannot be read`, async () => store.get(prefix + name));
      try {
        yield* content;
      } catch (cause) {
        throw new FieldsealError('ERR_BACKUP_TARGET', `a backup in ${label} cannot be read`, { cause });
      }
    },
    remove: (name) =>
      asked(`a backup cannot be removed from ${label}`, async () => void (await store.delete(prefix + name))),
  };
}

async function asked<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof FieldsealError) throw cause;
    throw new FieldsealError('ERR_BACKUP_TARGET', message, { cause });
  }
}
