/**
 * Archives whose signature was checked. An age file says nothing of who made it, so what is used must be the very bytes that were signed, also
 * when they are read a second time.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';
import { archiveEntries, openArchive, type ReadEntry } from './archive.ts';
import { type BackupClaim, parseName } from './catalogue.ts';
import { parseLines } from './lines.ts';
import type { Manifest } from './manifest.ts';
import type { BackupTarget } from './target.ts';

/**
 * Reads an archive to its end, and makes sure that it is the one of the signature.
 *
 * @param claim - what checkSignature found
 * @throws ERR_BACKUP_SIGNATURE when it was changed since, ERR_BACKUP_LOCKED, ERR_BACKUP_DAMAGED; also for a manifest of another backup
 */
export async function openSigned(
  target: BackupTarget,
  name: string,
  claim: BackupClaim,
  identities: readonly string[],
  use: (entry: ReadEntry) => void = () => undefined,
): Promise<Manifest> {
  const hash = createHash('sha256');
  const manifest = await openArchive(hashed(target.read(name), hash), identities, use);
  if (hash.digest('hex') !== claim.sha256) throw replaced();
  const { sequence, keyring } = manifest;
  if (sequence !== claim.sequence || keyring.id !== claim.keyringId || keyring.generation !== claim.generation)
    throw new FieldsealError('ERR_BACKUP_DAMAGED', 'the manifest is that of another backup than the signature says');
  if (parseName(name)?.created !== Date.parse(manifest.created))
    throw new FieldsealError('ERR_BACKUP_DAMAGED', 'the name of the backup tells another time than its manifest');
  return manifest;
}

/**
 * The entries of an archive that {@link openSigned} has read, once more: each may take effect at once.
 *
 * @throws ERR_BACKUP_SIGNATURE when an entry is another one now
 */
export async function* trustedEntries(
  target: BackupTarget,
  name: string,
  manifest: Manifest,
  identities: readonly string[],
): AsyncGenerator<ReadEntry> {
  const digests = new Map(manifest.entries.map((entry) => [entry.name, entry.sha256]));
  for await (const entry of archiveEntries(target.read(name), identities)) {
    if (createHash('sha256').update(entry.content).digest('hex') !== digests.get(entry.name)) throw replaced();
    yield entry;
  }
}

/** The records of a folder of JSON lines in such an archive, of which one entry at a time is held in memory. */
export async function* trustedRecords(
  folder: string,
  ...archive: Parameters<typeof trustedEntries>
): AsyncGenerator<unknown> {
  for await (const { name, content } of trustedEntries(...archive))
    if (name.startsWith(`${folder}/`)) yield* parseLines(content);
}

/** The same bytes, added to a digest on their way. */
export async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hash: { update(part: Uint8Array): unknown },
): AsyncGenerator<Uint8Array> {
  for await (const part of source) {
    hash.update(part);
    yield part;
  }
}

function replaced(): FieldsealError {
  return new FieldsealError('ERR_BACKUP_SIGNATURE', 'the backup was replaced while it was being read');
}
