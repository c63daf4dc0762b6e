import { createHash } from 'node:crypto';
import { FieldsealError, type KeyringStorage } from '@fieldseal/core';
import { checkRecipients, type PostQuantum, stanzaCount } from './age-file.ts';
import { type ArchiveEntry, openArchive, sealArchive } from './archive.ts';
import { told } from './backup-event.ts';
import {
  archiveName,
  type BackupClaim,
  checkSignature,
  formatClaim,
  listBackups,
  SIGNATURE_ENDING,
} from './catalogue.ts';
import { KEYSETS_FOLDER } from './key-store-source.ts';
import { type KeyringFacts, keyringEntry, readKeyring } from './keyring-entry.ts';
import type { Manifest } from './manifest.ts';
import { type SigningKey, signDigest, type VerifyKey } from './minisign.ts';
import { hashed } from './signed-archive.ts';
import type { BackupTarget } from './target.ts';

/** Something else that goes into an archive: records of a key store, rows, a schema map. */
export interface BackupSource {
  /** Its entries, made as they are asked for. */
  entries(): AsyncIterable<ArchiveEntry>;
  /** Key ids in it with the number of cells under each, known once all entries have been taken. */
  keys?(): Readonly<Record<string, number | null>>;
  /** Whether it is the key store of the keyring, which `keyStoreSource` makes. */
  readonly keyStore?: boolean;
}

/** Options of {@link createBackup}. */
export interface CreateBackupOptions {
  readonly target: BackupTarget;
  readonly keyring: KeyringStorage;
  readonly sources?: readonly BackupSource[];
  /** age recipients (`age1…`), each of whom opens the archive alone. */
  readonly recipients: readonly string[];
  readonly signer: SigningKey;
  /** Keys that signed earlier backups of this place, besides that of `signer`. */
  readonly earlier?: readonly VerifyKey[];
  /** `off` by default: Debian's age reads the archive then. */
  readonly pq?: PostQuantum;
  /** An identity of one of the recipients, which proves at once that the archive opens. Best kept away from this machine, in a drill. */
  readonly drillIdentity?: string;
  /** Name and version of the program, for the manifest. */
  readonly tool?: string;
  /** Is told of every entry that was written. */
  readonly onProgress?: (progress: { readonly entries: number; readonly bytes: number }) => void;
}

/** A backup that was made, read back and verified. */
export interface CreatedBackup {
  readonly name: string;
  readonly claim: BackupClaim;
  readonly bytes: number;
  /** Of the archive as it was opened again; null without a drill identity. */
  readonly opened: Manifest | null;
}

/**
 * Makes a backup: writes the archive, reads it back, verifies it, and signs it last. Without a signature it is no backup, so that a crash at any
 * point leaves none that is incomplete.
 *
 * @throws ERR_BACKUP_RECIPIENT, ERR_KEYRING_SLOT (a keyring that only a device or a service opens) and ERR_KEY_STORE (one whose key store is not among
 * the sources) before anything is written;
 * ERR_BACKUP_TARGET when it cannot be written; ERR_BACKUP_DAMAGED when what is read back is not what was written; what a source throws.
 * The archive is removed then
 */
export async function createBackup(options: CreateBackupOptions): Promise<CreatedBackup> {
  const { entries: _, ...created } = await told(
    'create',
    () => make(options),
    ({ entries, bytes }) => ({ ok: true, entries, bytes }),
  );
  return created;
}

async function make(options: CreateBackupOptions): Promise<CreatedBackup & Pick<Written, 'entries'>> {
  const { target, recipients, signer, pq = 'off', drillIdentity } = options;
  checkRecipients(recipients, pq);
  const keyring = await readKeyring(options.keyring);
  const stored = options.sources?.some(({ keyStore }) => keyStore === true) ?? false;
  if (keyring.outside && !stored) throw withoutKeys();
  const { backups } = await listBackups(target);
  const before = backups.at(-1);
  const previous =
    before === undefined
      ? null
      : (await checkSignature(target, before.name, [signer.public, ...(options.earlier ?? [])])).sha256;
  const sequence = (before?.sequence ?? 0) + 1;
  const created = new Date();
  const name = archiveName(sequence, created);
  try {
    const written = await write(options, name, keyring, { sequence, created: created.toISOString(), previous });
    if (keyring.outside && !written.entries.some(({ name: entry }) => entry.startsWith(`${KEYSETS_FOLDER}/`)))
      throw withoutKeys();
    const claim: BackupClaim = {
      sequence,
      sha256: written.sha256,
      previous,
      keyringId: keyring.id,
      generation: keyring.generation,
      created: created.toISOString(),
    };
    const opened = drillIdentity === undefined ? null : await openArchive(target.read(name), [drillIdentity]);
    await target.write(
      name + SIGNATURE_ENDING,
      once(Buffer.from(signDigest(signer, written.blake2b, formatClaim(claim)))),
    );
    await checkSignature(target, name, [signer.public]);
    return { name, claim, bytes: written.bytes, opened, entries: written.entries };
  } catch (error) {
    await target.remove(name + SIGNATURE_ENDING).catch(() => undefined);
    await target.remove(name).catch(() => undefined);
    throw error;
  }
}

/** Of a keyring whose keys lie in a key store: with such a backup alone no cell would ever open. */
function withoutKeys(): FieldsealError {
  return new FieldsealError(
    'ERR_KEY_STORE',
    'the keys of this keyring lie in a key store, which is not in the backup',
    {
      hint: 'Add it: by keyStoreSource(keyStore), on the command line by --key-store or --key-store-url-env.',
    },
  );
}

interface Written {
  readonly bytes: number;
  readonly sha256: string;
  readonly blake2b: Buffer;
  /** What went into the archive. */
  readonly entries: readonly { readonly name: string }[];
}

/** Writes the archive and reads it back from the target. */
async function write(
  { target, sources = [], recipients, tool = 'fieldseal', onProgress }: CreateBackupOptions,
  name: string,
  keyring: KeyringFacts,
  head: Pick<Manifest, 'sequence' | 'created' | 'previous'>,
): Promise<Written> {
  const keys = (): Manifest['keys'] => heldKeys([keyring.keys, ...sources.map((source) => source.keys?.() ?? {})]);
  const entries: { readonly name: string }[] = [];
  const failed = new SourceFailure();
  const sealed = await sealArchive(
    failed.watch(counted(entriesOf(keyring, sources), entries, onProgress)),
    { ...head, keyring: { id: keyring.id, generation: keyring.generation }, keys, tool },
    recipients,
  );
  const sha = createHash('sha256');
  // A target cannot tell why its content ended: what a source threw is the reason.
  await target.write(name, hashed(sealed as unknown as AsyncIterable<Uint8Array>, sha)).catch((error: unknown) => {
    throw failed.error ?? error;
  });
  const expected = sha.digest('hex');
  const found = await readBack(target, name);
  if (found.sha256 !== expected)
    throw new FieldsealError('ERR_BACKUP_DAMAGED', 'the archive reads back otherwise than it was written');
  if (found.stanzas !== recipients.length)
    throw new FieldsealError('ERR_BACKUP_DAMAGED', 'the archive is not encrypted for the recipients that were given');
  return { ...found, entries };
}

/** Keys that the archive holds, with their cells. Who holds a key says null of it; a number says that cells are under it, and no more. */
function heldKeys(given: readonly Manifest['keys'][]): Manifest['keys'] {
  const held = new Set(
    given.flatMap((keys) => Object.entries(keys).flatMap(([id, cells]) => (cells === null ? [id] : []))),
  );
  const counts = given.flatMap((keys) => Object.entries(keys)).filter(([, cells]) => cells !== null);
  const all = new Map<string, number | null>([...held].map((id) => [id, null]));
  for (const [id, cells] of counts) if (held.has(id)) all.set(id, (all.get(id) ?? 0) + (cells as number));
  return Object.fromEntries(all);
}

async function readBack(
  target: BackupTarget,
  name: string,
): Promise<Omit<Written, 'entries'> & { readonly stanzas: number | null }> {
  const [sha, blake] = [createHash('sha256'), createHash('blake2b512')];
  let start = Buffer.alloc(0);
  let bytes = 0;
  for await (const part of target.read(name)) {
    sha.update(part);
    blake.update(part);
    bytes += part.length;
    if (start.length < HEADER_BYTES) start = Buffer.concat([start, part]).subarray(0, HEADER_BYTES);
  }
  return { bytes, sha256: sha.digest('hex'), blake2b: blake.digest(), stanzas: stanzaCount(start) };
}

/** Holds the header of an age file for some hundred recipients, or about thirty that are post-quantum. */
const HEADER_BYTES = 64 * 1024;

async function* entriesOf(keyring: KeyringFacts, sources: readonly BackupSource[]): AsyncGenerator<ArchiveEntry> {
  yield keyringEntry(keyring);
  for (const source of sources) yield* source.entries();
}

async function* counted(
  source: AsyncIterable<ArchiveEntry>,
  seen: { readonly name: string }[],
  tell: CreateBackupOptions['onProgress'],
): AsyncGenerator<ArchiveEntry> {
  let bytes = 0;
  for await (const entry of source) {
    yield entry;
    seen.push({ name: entry.name });
    bytes += entry.content.length;
    tell?.({ entries: seen.length, bytes });
  }
}

/** Remembers what the entries of an archive threw. */
class SourceFailure {
  error: unknown;

  async *watch<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* source;
    } catch (error) {
      this.error = error;
      throw error;
    }
  }
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
