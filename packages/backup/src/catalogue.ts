/**
 * What backups a place holds. A backup is an archive with its signature beside it; the signature is written last, so that an archive without one
 * is the remains of a process that was killed.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';
import { type VerifyKey, verifyDigest } from './minisign.ts';
import type { BackupTarget } from './target.ts';

/** A backup as its name and its signature tell. */
export interface BackupFile {
  /** Name of the archive. */
  readonly name: string;
  readonly sequence: number;
  /** When it was begun, in ms since the epoch. */
  readonly created: number;
}

/** What the signer of a backup says of it, in the trusted comment. */
export interface BackupClaim {
  readonly sequence: number;
  /** SHA-256 of the archive, 64 hexadecimal digits. */
  readonly sha256: string;
  /** SHA-256 of the archive before it, or null. */
  readonly previous: string | null;
  readonly keyringId: string;
  readonly generation: number;
  /** When it was begun (ISO 8601); null in backups from before it was signed. */
  readonly created: string | null;
}

const NAME = /^(\d{8})-(\d{8}T\d{6}\.\d{3}Z)\.tar\.age$/;
const CLAIM =
  /^fieldseal-backup\/1 seq=(\d+) sha256=([0-9a-f]{64}) prev=([0-9a-f]{64}|none) keyring=([0-9a-f]+) generation=(\d+)(?: time=(\d{8}T\d{6}\.\d{3}Z))?$/;
/** Ending of the signature of an archive. */
export const SIGNATURE_ENDING = '.minisig';

/** Name of an archive: sorted as text, the newest is the last. */
export function archiveName(sequence: number, created: Date): string {
  return `${String(sequence).padStart(8, '0')}-${compact(created.toISOString())}.tar.age`;
}

/** The trusted comment of a backup. */
export function formatClaim({ sequence, sha256, previous, keyringId, generation, created }: BackupClaim): string {
  const time = created === null ? '' : ` time=${compact(created)}`;
  return `fieldseal-backup/1 seq=${sequence} sha256=${sha256} prev=${previous ?? 'none'} keyring=${keyringId} generation=${generation}${time}`;
}

/** Backups of a place, oldest first, and archives without a signature. Nothing is opened or verified. */
export async function listBackups(
  target: BackupTarget,
): Promise<{ readonly backups: readonly BackupFile[]; readonly unfinished: readonly string[] }> {
  const names = new Set(await target.list());
  const archives = [...names].map(parseName).filter((file) => file !== null);
  archives.sort((a, b) => a.sequence - b.sequence || a.created - b.created);
  return {
    backups: archives.filter(({ name }) => names.has(name + SIGNATURE_ENDING)),
    unfinished: archives.filter(({ name }) => !names.has(name + SIGNATURE_ENDING)).map(({ name }) => name),
  };
}

/**
 * Reads a backup once and checks its signature.
 *
 * @param keys - of which one must have signed it
 * @throws ERR_BACKUP_SIGNATURE when none has, when the archive was changed, or when it is another backup than its name says
 */
export async function checkSignature(
  target: BackupTarget,
  name: string,
  keys: readonly VerifyKey[],
): Promise<BackupClaim> {
  const signature = Buffer.concat(await collect(target.read(name + SIGNATURE_ENDING))).toString('utf8');
  const [blake, sha] = [createHash('blake2b512'), createHash('sha256')];
  for await (const part of target.read(name)) {
    blake.update(part);
    sha.update(part);
  }
  const { comment } = verifyDigest(keys, blake.digest(), signature);
  const claim = parseClaim(comment);
  const named = parseName(name);
  const sameTime = claim?.created == null || Date.parse(claim.created) === named?.created;
  if (claim === null || claim.sha256 !== sha.digest('hex') || claim.sequence !== named?.sequence || !sameTime)
    throw new FieldsealError('ERR_BACKUP_SIGNATURE', 'the signature belongs to another backup');
  return claim;
}

/** Removes a backup, its signature first: what has none is no backup any more, whatever happens in between. */
export async function removeBackup(target: BackupTarget, name: string): Promise<void> {
  await target.remove(name + SIGNATURE_ENDING);
  await target.remove(name);
}

/** All parts of a small file. Throws ERR_BACKUP_DAMAGED beyond 1 MiB. */
async function collect(content: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of content) {
    bytes += part.length;
    if (bytes > 1024 * 1024) throw new FieldsealError('ERR_BACKUP_DAMAGED', 'a signature is too large');
    parts.push(part);
  }
  return parts;
}

/** What a name says of a backup; null for one that is no archive's. */
export function parseName(name: string): BackupFile | null {
  const [, sequence, time] = NAME.exec(name) ?? [];
  if (sequence === undefined || time === undefined) return null;
  const created = Date.parse(spread(time));
  return Number.isNaN(created) ? null : { name, sequence: Number(sequence), created };
}

function parseClaim(comment: string): BackupClaim | null {
  const [, sequence, sha256, previous, keyringId, generation, time] = CLAIM.exec(comment) ?? [];
  if (sha256 === undefined || keyringId === undefined) return null;
  return {
    sequence: Number(sequence),
    sha256,
    previous: previous === 'none' ? null : (previous ?? null),
    keyringId,
    generation: Number(generation),
    created: time === undefined ? null : spread(time),
  };
}

/** 2026-11-26T10:33:08.000Z without what no file name takes. */
function compact(iso: string): string {
  return iso.replace(/[-:]/g, '');
}

function spread(time: string): string {
  return time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:');
}
