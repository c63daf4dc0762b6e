import { FieldsealError } from '@fieldseal/core';

/** One entry of an archive. */
export interface ManifestEntry {
  readonly name: string;
  /** Size in bytes. */
  readonly bytes: number;
  /** SHA-256 of the content, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Rows or records in it. */
  readonly count: number;
}

/** What an archive says of itself: its last entry, so that nothing has to be staged before it is encrypted. */
export interface Manifest {
  readonly format: 'fieldseal-backup/1';
  /** Counts the backups of a place, from 1. */
  readonly sequence: number;
  /** ISO 8601 in UTC. */
  readonly created: string;
  /** SHA-256 of the archive before this one, 64 hexadecimal digits; null for the first. */
  readonly previous: string | null;
  /** The keyring as it was backed up. */
  readonly keyring: { readonly id: string; readonly generation: number };
  /** Key ids in the archive, with the number of cells under each where they were counted. */
  readonly keys: Readonly<Record<string, number | null>>;
  readonly entries: readonly ManifestEntry[];
  /** Name and version of the program that wrote it. */
  readonly tool: string;
}

/** Name of the manifest in an archive. */
export const MANIFEST_NAME = 'MANIFEST.json';

const FORMAT = 'fieldseal-backup/1';
const DIGEST = /^[0-9a-f]{64}$/;
const KEY_ID = /^[0-9a-f]{16}$/;

/** The manifest as text. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/**
 * Reads a manifest.
 *
 * @throws ERR_BACKUP_DAMAGED naming the member that is wrong, or when a newer version wrote it
 */
export function parseManifest(text: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged('it is not JSON');
  }
  if (!isObject(json)) throw damaged('it is no object');
  const { format, sequence, created, previous, keyring, keys, entries, tool } = json;
  if (format !== FORMAT) throw damaged(`its format is not ${FORMAT}`);
  if (!isCount(sequence) || sequence < 1) throw damaged('sequence');
  if (typeof created !== 'string' || Number.isNaN(Date.parse(created))) throw damaged('created');
  if (previous !== null && !(typeof previous === 'string' && DIGEST.test(previous))) throw damaged('previous');
  if (!isObject(keyring) || typeof keyring['id'] !== 'string' || !isCount(keyring['generation']))
    throw damaged('keyring');
  if (
    !isObject(keys) ||
    !Object.entries(keys).every(([id, cells]) => KEY_ID.test(id) && (cells === null || isCount(cells)))
  )
    throw damaged('keys');
  if (!Array.isArray(entries) || typeof tool !== 'string') throw damaged('entries or tool');
  return {
    format: FORMAT,
    sequence,
    created,
    previous,
    keyring: { id: keyring['id'], generation: keyring['generation'] },
    keys: keys as Manifest['keys'],
    entries: entries.map(parseEntry),
    tool,
  };
}

function parseEntry(json: unknown): ManifestEntry {
  if (!isObject(json)) throw damaged('an entry');
  const { name, bytes, sha256, count } = json;
  if (typeof name !== 'string' || !isEntryName(name)) throw damaged('the name of an entry');
  if (!isCount(bytes) || !isCount(count)) throw damaged('the size of an entry');
  if (typeof sha256 !== 'string' || !DIGEST.test(sha256)) throw damaged('the digest of an entry');
  return { name, bytes, sha256, count };
}

/** Whether a name stays inside the folder that an operator unpacks to. */
export function isEntryName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/.test(name) && name.length <= 100;
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isCount(json: unknown): json is number {
  return Number.isSafeInteger(json) && (json as number) >= 0;
}

function damaged(part: string): FieldsealError {
  return new FieldsealError('ERR_BACKUP_DAMAGED', `the manifest of the backup is damaged: ${part}`);
}
