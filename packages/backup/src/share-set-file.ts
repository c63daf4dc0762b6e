import { createHash, timingSafeEqual } from 'node:crypto';
import { FieldsealError, type SecretBytes } from '@fieldseal/core';
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
  const { format, setId, threshold = 0, count = 0, commitment, recipient, slot, active, created, holders } = file;
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
