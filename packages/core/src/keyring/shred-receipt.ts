import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { concat, fromBase64Url, fromHex, toBase64Url } from '../bytes.ts';
import { canonicalJson } from '../canonical-json.ts';
import { FieldsealError } from '../errors.ts';
import { deriveKeyringKey, LABELS } from '../kdf.ts';
import type { Census, KeysetRecord } from '../key-store/keyset-record.ts';
import type { SecretBytes } from '../secret-bytes.ts';

const FORMAT = 'fieldseal-shred-receipt/1';

/** What stands in front of the 32 bytes of an Ed25519 key in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410). */
const PKCS8_HEAD = fromHex('302e020100300506032b657004220420') as Uint8Array;
const SPKI_HEAD = fromHex('302a300506032b6570032100') as Uint8Array;

/** A statement that the keys of a scope were destroyed. It holds no secret, and names the scope: treat it as the scope's name is treated. */
export interface ShredReceipt {
  readonly format: typeof FORMAT;
  /** Id of the keyring. */
  readonly keyringId: string;
  readonly scope: string;
  /** Every key that the scope ever had. */
  readonly keys: readonly {
    readonly keyId: string;
    readonly purpose: 'data' | 'index';
    readonly version: number;
    readonly created: string;
  }[];
  /** When shredding was asked for: from then on no key was given out. ISO 8601 in UTC, as all times here. */
  readonly requested: string;
  /** End of the waiting time. */
  readonly destroyAfter: string;
  /** When the wrapped keys were removed from the key store. Copies in older backups are not covered. */
  readonly destroyed: string;
  /** The cells that cannot be read any more; null when nobody counted. */
  readonly census: Census | null;
  /** Ed25519 public key in base64url. It says who signed only to those who know it from elsewhere. */
  readonly publicKey: string;
  /** Ed25519 signature (RFC 8032) in base64url over the other members in canonical JSON. */
  readonly signature: string;
}

/** The public key that receipts of a keyring are signed with, in base64url. Give it to those who will check receipts, before they need it. */
export function receiptPublicKey(root: SecretBytes): string {
  const spki = createPublicKey(signingKey(root)).export({ format: 'der', type: 'spki' });
  return toBase64Url(spki.subarray(SPKI_HEAD.length));
}

/**
 * Signs what a record says of its destruction. The same record always gives the same receipt, so that one that was lost can be made again.
 *
 * @throws ERR_KEY_STATUS when the scope was not shredded
 */
export function shredReceipt(keyringId: string, record: KeysetRecord, root: SecretBytes): ShredReceipt {
  const { scope, shred } = record;
  if (shred === undefined || shred.destroyed === null)
    throw new FieldsealError('ERR_KEY_STATUS', 'the keys of the scope are not destroyed');
  const { requested, destroyAfter, destroyed, census } = shred;
  const keys = (['data', 'index'] as const).flatMap((purpose) =>
    record[purpose].versions.map(({ keyId, version, created }) => ({ keyId, purpose, version, created })),
  );
  const publicKey = receiptPublicKey(root);
  const receipt = {
    format: FORMAT,
    keyringId,
    scope,
    keys,
    requested,
    destroyAfter,
    destroyed,
    census,
    publicKey,
  } as const;
  const signature = sign(null, Buffer.from(canonicalJson(receipt)), signingKey(root));
  return { ...receipt, signature: toBase64Url(signature) };
}

/**
 * Whether a receipt was signed by the keyring with this public key, and not changed since. It never throws, whatever it is given.
 *
 * @param receipt - parsed JSON
 * @param publicKey - base64url, known from elsewhere than the receipt
 */
export function verifyShredReceipt(receipt: unknown, publicKey: string): receipt is ShredReceipt {
  if (typeof receipt !== 'object' || receipt === null) return false;
  const { signature, ...rest } = receipt as Partial<ShredReceipt>;
  const [code, key] = [typeof signature === 'string' ? fromBase64Url(signature) : null, fromBase64Url(publicKey)];
  if (rest.format !== FORMAT || code?.length !== 64 || key?.length !== 32) return false;
  try {
    const der = Buffer.from(concat(SPKI_HEAD, key));
    return verify(
      null,
      Buffer.from(canonicalJson(rest)),
      createPublicKey({ key: der, format: 'der', type: 'spki' }),
      code,
    );
  } catch {
    return false; // no point of the curve, or what is no JSON value
  }
}

/** Derived, so that every process with the root key signs alike. Node keeps a copy of it that cannot be wiped, until it is collected. */
function signingKey(root: SecretBytes): KeyObject {
  const seed = deriveKeyringKey(root, LABELS.receiptSeed);
  const der = Buffer.from(concat(PKCS8_HEAD, seed.expose()));
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
    seed.wipe();
  }
}
