import { createHash, timingSafeEqual } from 'node:crypto';
import { FieldsealError, type SecretBytes } from '@fieldseal/core';
import { isSignedText, type SigningKey, signText, type VerifyKey } from './minisign.ts';
import { readLabel, type ShareSet } from './shares.ts';

/** What is known of a set of shares to everybody: no secret is in it, but who changes it can send backups to another recipient. */
export interface ShareSetFile extends ShareSet {
  readonly format: 'fieldseal-shares/1';
  /** ISO 8601 in UTC. */
  readonly created: string;
  /** age recipient that the shares open. */
  readonly recipient: string;
  /** Slot of the keyring that the shares open; null before it was added. */
  readonly slot: string | null;
  /** When all holders had proved their shares, ISO 8601 in UTC; null before. */
  readonly active: string | null;
  readonly holders: readonly ShareHolder[];
  /** Ed25519 over the JSON of everything above by the key that signs backups, base64; missing in sets from before they were signed. */
  readonly signature?: string;
}

/** Who holds which share. */
export interface ShareHolder {
  /** 1 to `count`. */
  readonly index: number;
  readonly name: string;
  /** SHA-256 of the proof that only the holder of the share can give, 64 hexadecimal digits. */
  readonly proof: string;
}

const FORMAT = 'fieldseal-shares/1';
const DIGEST = /^[0-9a-f]{64}$/;

/** The proof of a share: SHA-256("fieldseal/v1/share-proof" ‖ share), 64 hexadecimal digits. It shows nothing of the share. */
export function shareProof(share: SecretBytes): string {
  return createHash('sha256').update('fieldseal/v1/share-proof').update(share.expose()).digest('hex');
}

/** What the set file holds of a proof. */
export function proofDigest(proof: string): string {
  return createHash('sha256').update(proof, 'hex').digest('hex');
}

/**
 * Checks a share against its set and gives its proof.
 *
 * @throws ERR_SHARE when it belongs to another set, or is damaged
 */
export function provenShare(
  share: SecretBytes,
  file: ShareSetFile,
): { readonly index: number; readonly proof: string } {
  const { setId, index, threshold, count } = readLabel(share);
  if (setId !== file.setId || threshold !== file.threshold || count !== file.count)
    throw new FieldsealError('ERR_SHARE', `share ${index} belongs to another set`);
  const proof = shareProof(share);
  if (!isProofOf(proof, file, index)) throw new FieldsealError('ERR_SHARE', `share ${index} is damaged`);
  return { index, proof };
}

/**
 * Makes a set active, once every holder has proved the share.
 *
 * @param proofs - of all holders, in any order
 * @throws ERR_SHARES_MISSING naming those whose proof is missing, ERR_SHARE for what is no proof of this set, ERR_OPTIONS before the slot is there
 */
export function activateShares(file: ShareSetFile, proofs: readonly string[], now: Date = new Date()): ShareSetFile {
  if (file.slot === null)
    throw new FieldsealError('ERR_OPTIONS', 'the keyring has no slot for these shares: splitting did not end', {
      hint: 'Split again.',
    });
  const proved = new Set<number>();
  for (const proof of proofs) {
    const holder = file.holders.find(({ index }) => DIGEST.test(proof) && isProofOf(proof, file, index));
    if (holder === undefined) throw new FieldsealError('ERR_SHARE', 'what was given is no proof of this set');
    proved.add(holder.index);
  }
  const missing = file.holders.filter(({ index }) => !proved.has(index));
  if (missing.length > 0)
    throw new FieldsealError(
      'ERR_SHARES_MISSING',
      `not proved: ${missing.map(({ index, name }) => `${index} (${name})`).join(', ')}`,
      { hint: 'Each holder runs `fieldseal shares verify` and hands over the proof.' },
    );
  return { ...file, active: file.active ?? now.toISOString() };
}

/** The set with a signature of what it says now. */
export function signShareSet(file: ShareSetFile, key: SigningKey): ShareSetFile {
  const { signature: _, ...facts } = file;
  return { ...facts, signature: signText(key, signedText(facts)) };
}

/**
 * Checks that a set is as its maker signed it: its recipient is whom backups are made for, and its slot is what is removed when it is replaced.
 *
 * @throws ERR_BACKUP_SIGNATURE when none of the keys signed it, or it was changed
 */
export function checkShareSet(file: ShareSetFile, keys: readonly VerifyKey[]): void {
  const { signature, ...facts } = file;
  if (signature !== undefined && isSignedText(keys, signedText(facts), signature)) return;
  throw new FieldsealError(
    'ERR_BACKUP_SIGNATURE',
    signature === undefined
      ? 'the set of shares is not signed'
      : 'the set of shares was changed, or an unknown key signed it',
    { hint: 'Compare it with a copy that another holder keeps, or split a new set. Make no backup for its recipient.' },
  );
}

function signedText(facts: Omit<ShareSetFile, 'signature'>): string {
  return `fieldseal/v1/share-set\n${JSON.stringify(facts)}`;
}

/** The set as text. */
export function formatShareSet(file: ShareSetFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Reads a set. Throws ERR_SHARE when the text is none. */
export function parseShareSet(text: string): ShareSetFile {
  let file: Partial<ShareSetFile>;
  try {
    file = (JSON.parse(text) ?? {}) as Partial<ShareSetFile>;
  } catch {
    file = {};
  }
  const {
    format,
    setId,
    threshold = 0,
    count = 0,
    commitment,
    recipient,
    slot,
    active,
    created,
    holders,
    signature,
  } = file;
  const sound =
    format === FORMAT &&
    typeof setId === 'string' &&
    /^[0-9a-f]{16}$/.test(setId) &&
    Number.isInteger(threshold) &&
    Number.isInteger(count) &&
    typeof commitment === 'string' &&
    DIGEST.test(commitment) &&
    typeof recipient === 'string' &&
    typeof created === 'string' &&
    (signature === undefined || typeof signature === 'string') &&
    [slot, active].every((text) => text === null || typeof text === 'string') &&
    Array.isArray(holders) &&
    holders.length === count &&
    holders.every(
      (holder: Partial<ShareHolder>, at) =>
        holder?.index === at + 1 && typeof holder.name === 'string' && DIGEST.test(String(holder.proof)),
    );
  if (!sound)
    throw new FieldsealError('ERR_SHARE', 'this is no file of a set of shares', {
      hint: 'Give the file shares-….json that `fieldseal shares split` wrote.',
    });
  return file as ShareSetFile;
}

function isProofOf(proof: string, file: ShareSetFile, index: number): boolean {
  const wanted = file.holders.find((holder) => holder.index === index)?.proof ?? '';
  return DIGEST.test(wanted) && timingSafeEqual(Buffer.from(proofDigest(proof)), Buffer.from(wanted));
}
