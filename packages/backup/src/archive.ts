/**
 * An archive: a tar file of named entries with a manifest behind them, in an age file. It is written and read as a stream, so that memory does
 * not grow with it.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { ReadableStream as WebStream } from 'node:stream/web';
import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import { extract, pack } from 'tar-stream';
import { decryptStream, encryptStream } from './age-file.ts';
import {
  formatManifest,
  isEntryName,
  MANIFEST_NAME,
  type Manifest,
  type ManifestEntry,
  parseManifest,
} from './manifest.ts';
import type { BackupTarget } from './target.ts';

/** An entry to be written. */
export interface ArchiveEntry {
  /** Letters, digits, `.`, `_`, `-`, with `/` between folders; at most 100 characters. */
  readonly name: string;
  readonly content: Uint8Array;
  /** Rows or records in it. */
  readonly count: number;
}

/** An entry that was read and agreed with the manifest's digest, if `close` of the reader passes. */
export interface ReadEntry {
  readonly name: string;
  readonly content: Buffer;
}

/** Largest entry in bytes: it is held in memory. */
export const MAX_ENTRY_BYTES: number = 64 * 1024 * 1024;

/** What is known of an archive before its entries are. */
export type ManifestHead = Omit<Manifest, 'entries' | 'keys' | 'format'> & { readonly keys: () => Manifest['keys'] };

/** Encrypted bytes of an archive. `keys` of the head is asked once all entries have passed. */
export async function sealArchive(
  entries: AsyncIterable<ArchiveEntry>,
  { keys, ...head }: ManifestHead,
  recipients: readonly string[],
): Promise<ReadableStream<Uint8Array>> {
  const tar = pack();
  const mtime = new Date(head.created);
  // Fails when whoever reads the archive stops, which closes the tar file.
  const put = (name: string, content: Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      tar.entry({ name, mode: 0o600, mtime }, Buffer.from(content), (error) =>
        error == null ? resolve() : reject(error),
      );
    });
  const fill = async (): Promise<void> => {
    const listed: ManifestEntry[] = [];
    for await (const { name, content, count } of entries) {
      if (!isEntryName(name) || name === MANIFEST_NAME || listed.some((other) => other.name === name))
        throw new FieldsealError('ERR_OPTIONS', 'an entry of a backup has no name of its own');
      if (content.length > MAX_ENTRY_BYTES)
        throw new FieldsealError('ERR_OPTIONS', 'an entry of a backup is too large');
      listed.push({ name, bytes: content.length, sha256: sha256(content), count });
      await put(name, content);
    }
    const manifest: Manifest = { format: 'fieldseal-backup/1', ...head, keys: keys(), entries: listed };
    await put(MANIFEST_NAME, Buffer.from(formatManifest(manifest)));
    tar.finalize();
  };
  fill().catch((error: unknown) => tar.destroy(error as Error));
  return encryptStream(webStream(tar), recipients);
}

/**
 * The entries of an archive, and its manifest once every entry agreed with it. None of them may take effect before that.
 *
 * @throws ERR_BACKUP_DAMAGED for anything that is not what was written, ERR_BACKUP_LOCKED when no identity opens it
 */
export async function* archiveEntries(
  sealed: AsyncIterable<Uint8Array>,
  identities: readonly string[],
): AsyncGenerator<ReadEntry, Manifest> {
  const plain = await decryptStream(webStream(sealed), identities);
  const seen = new Map<string, { readonly bytes: number; readonly sha256: string }>();
  let manifest: Manifest | undefined;
  for await (const { name, content } of readEntries(plain)) {
    if (manifest !== undefined) throw damaged('something stands behind its manifest');
    if (name === MANIFEST_NAME) manifest = parseManifest(content.toString('utf8'));
    else {
      if (seen.has(name)) throw damaged('an entry stands twice');
      seen.set(name, { bytes: content.length, sha256: sha256(content) });
      yield { name, content };
    }
  }
  if (manifest === undefined) throw damaged('its manifest is missing');
  if (manifest.entries.length !== seen.size) throw damaged('it has other entries than its manifest says');
  for (const { name, bytes, sha256: digest } of manifest.entries) {
    const found = seen.get(name);
    if (found?.bytes !== bytes || found.sha256 !== digest) throw damaged('an entry is not what its manifest says');
  }
  return manifest;
}

/** Reads an archive to its end, with the errors of {@link archiveEntries}. `use` is given the entries as they come. */
export async function openArchive(
  sealed: AsyncIterable<Uint8Array>,
  identities: readonly string[],
  use: (entry: ReadEntry) => void = () => undefined,
): Promise<Manifest> {
  const entries = archiveEntries(sealed, identities);
  for (;;) {
    const { done, value } = await entries.next();
    if (done === true) return value;
    use(value);
  }
}

/** The manifest of a backup, once its archive was read to the end. Throws as {@link archiveEntries}. */
export function openManifest(target: BackupTarget, name: string, identities: readonly string[]): Promise<Manifest> {
  return openArchive(target.read(name), identities);
}

async function* readEntries(plain: ReadableStream<Uint8Array>): AsyncGenerator<ReadEntry> {
  const tar = extract();
  const source = Readable.from(plain as unknown as AsyncIterable<Uint8Array>);
  source.on('error', (error) => tar.destroy(error));
  source.pipe(tar);
  try {
    for await (const entry of tar) {
      const { name, size = 0, type } = entry.header;
      if (type !== 'file' || !isEntryName(name)) throw damaged('it holds something other than files');
      if (size > MAX_ENTRY_BYTES) throw damaged('an entry is too large');
      const parts: Buffer[] = [];
      for await (const part of entry) parts.push(part as Buffer);
      yield { name, content: Buffer.concat(parts) };
    }
  } catch (cause) {
    if (isFieldsealError(cause)) throw cause;
    throw damaged('it was changed or cut off'); // age and tar say where, which helps nobody but whoever changed it
  } finally {
    source.destroy();
  }
}

/** Not Readable.toWeb, which throws into the void when whoever reads stops (Node 20). */
function webStream(source: AsyncIterable<unknown>): ReadableStream<Uint8Array> {
  return WebStream.from(source) as unknown as ReadableStream<Uint8Array>;
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function damaged(part: string): FieldsealError {
  return new FieldsealError('ERR_BACKUP_DAMAGED', `the backup is damaged: ${part}`);
}
