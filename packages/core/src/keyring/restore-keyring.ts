/**
 * Puts a keyring from a backup back. It is a union: no key version that is there, or in the backup, is lost by it.
 *
 * @module
 */
import { FieldsealError } from '../errors.ts';
import type { KeySeries, KeysetRecord } from '../key-store/keyset-record.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { announce } from './announce.ts';
import { authenticateDocument, type KeyringDocument, parseDocument, serializeDocument } from './document.ts';
import type { SlotOpener } from './slot.ts';
import { openAny } from './slot-changes.ts';
import type { KeyringStorage } from './storage.ts';

/** Options of {@link restoreKeyring}. */
export interface RestoreKeyringOptions {
  /** Where the keyring is, or was. */
  readonly storage: KeyringStorage;
  /** Text of the keyring in the backup. */
  readonly archived: string;
  /** Open both: slots may differ, the root key is the same. */
  readonly openers: readonly SlotOpener[];
  /** Whether statuses, primary and slots of an older backup replace newer ones. By default keys that are missing are added, and nothing else. */
  readonly allowRollback?: boolean;
  /** Only tells what would happen. */
  readonly dryRun?: boolean;
}

/** What restoring a keyring did, or would do. */
export interface KeyringRestoration {
  /** `create` where none was, `merge` where keys or changes are taken over, `none` where nothing is missing. */
  readonly action: 'create' | 'merge' | 'none';
  /** Key ids that come back. */
  readonly added: readonly string[];
  /** Ids of KEKs that come back. */
  readonly addedKeks: readonly string[];
  /** Generation that is there afterwards. */
  readonly generation: number;
}

/**
 * Restores a keyring from a backup into a place that has none, or an older or newer state of the same one.
 *
 * @throws ERR_KEYRING_LOCKED when no opener opens the archived keyring or the present one, ERR_KEYRING_DAMAGED when either was altered or they
 * have nothing to do with each other, ERR_KEYRING_BUSY when it is being changed, ERR_KEYRING_IO
 */
export async function restoreKeyring(options: RestoreKeyringOptions): Promise<KeyringRestoration> {
  const { storage, archived: text, openers, allowRollback = false, dryRun = false } = options;
  const archived = await openDocument(text, openers, 'the keyring of the backup');
  try {
    const present = await storage.read();
    if (present === null) {
      if (!dryRun && !(await storage.replace(null, text))) throw changed();
      if (!dryRun) announce('restore', archived.document);
      const { keks, generation } = archived.document;
      return { action: 'create', added: keyIds(archived.document), addedKeks: keks.map(({ id }) => id), generation };
    }
    const current = await openDocument(present, openers, `the keyring at ${storage.label}`);
    try {
      if (current.document.id !== archived.document.id || !current.root.equals(archived.root))
        throw new FieldsealError('ERR_KEYRING_DAMAGED', 'the backup is of another keyring than the one that is there');
      const merged = union(current.document, archived.document, allowRollback);
      const { generation } = current.document;
      if (merged === null) return { action: 'none', added: [], addedKeks: [], generation };
      const next = { ...merged, generation: Math.max(generation, archived.document.generation) + 1 };
      if (!dryRun && !(await storage.replace(present, serializeDocument(next, current.root)))) throw changed();
      if (!dryRun) announce('restore', next);
      const known = new Set(keyIds(current.document));
      const kekIds = new Set(current.document.keks.map(({ id }) => id));
      return {
        action: 'merge',
        added: keyIds(next).filter((id) => !known.has(id)),
        addedKeks: next.keks.map(({ id }) => id).filter((id) => !kekIds.has(id)),
        generation: next.generation,
      };
    } finally {
      current.root.wipe();
    }
  } finally {
    archived.root.wipe();
  }
}

/**
 * The union of two states of a keyset: statuses and primary are those of `base`, versions that only `other` has are added. null when there are
 * none.
 *
 * @throws ERR_KEYRING_DAMAGED when both have another index root under one version, which terms could not tell apart
 */
export function unionKeyset(base: KeysetRecord, other: KeysetRecord): KeysetRecord | null {
  // Destroyed is the end: nothing is added to such a scope, and no other state takes its place.
  if (isDestroyed(base)) return null;
  if (isDestroyed(other)) {
    const { mac: _, ...destroyed } = other;
    return { ...destroyed, generation: Math.max(base.generation, other.generation) + 1 };
  }
  const data = unionSeries(base.data, other.data, true);
  const index = unionSeries(base.index, other.index, false);
  if (data === base.data && index === base.index) return null;
  const { mac: _, ...rest } = base;
  // Processes are told of an index root that comes back only now, and the next step of a rotation waits for that.
  const told = index === base.index ? index : { ...index, since: new Date().toISOString() };
  return { ...rest, data, index: told, generation: Math.max(base.generation, other.generation) + 1 };
}

function isDestroyed({ shred }: KeysetRecord): boolean {
  return shred !== undefined && shred.destroyed !== null;
}

/** A keyring as text, opened and authenticated. The root key is the caller's to wipe. */
export async function openDocument(
  text: string,
  openers: readonly SlotOpener[],
  name: string,
): Promise<{ readonly document: KeyringDocument; readonly root: SecretBytes }> {
  const { document, mac } = parseDocument(text);
  const opened = await openAny(document, openers);
  if (opened === null) throw new FieldsealError('ERR_KEYRING_LOCKED', `${name} could not be opened`);
  try {
    authenticateDocument(document, mac, opened.root);
    return { document, root: opened.root };
  } catch (error) {
    opened.root.wipe();
    throw error;
  }
}

/** The newer state with what only the older one has; null when that is nothing and the newer state is there already. */
function union(current: KeyringDocument, archived: KeyringDocument, allowRollback: boolean): KeyringDocument | null {
  const archivedWins = archived.generation > current.generation || allowRollback;
  const [base, other] = archivedWins ? [archived, current] : [current, archived];
  const keks = [...other.keks.filter(({ id }) => !base.keks.some((kek) => kek.id === id)), ...base.keks];
  const keysets = base.keysets.map((record) => {
    const lost = other.keysets.find(({ scope }) => scope === record.scope);
    return (lost && unionKeyset(record, lost)) ?? record;
  });
  const scopes = new Set(keysets.map(({ scope }) => scope));
  const added = other.keysets.filter(({ scope }) => !scopes.has(scope));
  const same =
    added.length === 0 && keks.length === base.keks.length && keysets.every((one, at) => one === base.keysets[at]);
  if (same && (base === current || archived.generation === current.generation)) return null;
  return { ...base, keks, keysets: [...keysets, ...added] };
}

function unionSeries(base: KeySeries, other: KeySeries, renumber: boolean): KeySeries {
  const known = new Set(base.versions.map(({ keyId }) => keyId));
  const numbers = new Set(base.versions.map(({ version }) => version));
  const added = other.versions.filter(({ keyId }) => !known.has(keyId));
  if (added.length === 0) return base;
  const versions = [...base.versions];
  for (const lost of added) {
    if (!numbers.has(lost.version)) versions.push(lost);
    // Nothing but order depends on the number of a DEK; terms carry that of an index root.
    else if (renumber) versions.push({ ...lost, version: Math.max(...versions.map(({ version }) => version)) + 1 });
    else
      throw new FieldsealError('ERR_KEYRING_DAMAGED', 'the backup has another index root of the same version', {
        keyId: lost.keyId,
      });
  }
  return { ...base, versions };
}

function keyIds({ keysets }: KeyringDocument): string[] {
  return keysets.flatMap(({ data, index }) => [...data.versions, ...index.versions].map(({ keyId }) => keyId));
}

function changed(): FieldsealError {
  return new FieldsealError('ERR_KEYRING_BUSY', 'the keyring was changed while it was being restored');
}
