/**
 * Detached signatures in the form of minisign (jedisct1.github.io/minisign), so that a stock tool verifies a backup: Ed25519 over the
 * BLAKE2b-512 digest of the file, and a second signature over the first one and the trusted comment.
 *
 * @module
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { FieldsealError, type SecretBytes } from '@fieldseal/core';

/** Signs archives. Made by {@link signingKey}. */
export interface SigningKey {
  /** The key that verifies what this one signs. */
  readonly public: VerifyKey;
  readonly private: KeyObject;
}

/** Verifies archives; it is no secret. */
export interface VerifyKey {
  /** 8 bytes that tell keys apart. */
  readonly id: Uint8Array;
  readonly key: KeyObject;
}

/** A signature that was checked. */
export interface TrustedComment {
  /** What the signer said of the file; authenticated like the file itself. */
  readonly comment: string;
}

const UNTRUSTED = 'untrusted comment: ';
const TRUSTED = 'trusted comment: ';
const ID_BYTES = 8;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** DER of an Ed25519 private key (RFC 8410) up to its 32 bytes, and of a public one. */
const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * The signing key that a raw key gives: the same raw key always gives the same signing key. Keep it apart from the keys of the keyring.
 *
 * @param secret - 32 bytes, see generateRawKey of @fieldseal/core; borrowed
 */
export function signingKey(secret: SecretBytes): SigningKey {
  const seed = Buffer.from(hkdfSync('sha256', secret.expose(), '', 'fieldseal/v1/backup-signing', KEY_BYTES));
  const der = Buffer.concat([PRIVATE_DER, seed]);
  try {
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const publicKey = createPublicKey(key);
    const id = createHash('sha256').update(rawPublic(publicKey)).digest().subarray(0, ID_BYTES);
    return { private: key, public: { id, key: publicKey } };
  } finally {
    seed.fill(0);
    der.fill(0);
  }
}

/** Text of a public key as `minisign -p` reads it: two lines. */
export function formatVerifyKey({ id, key }: VerifyKey): string {
  return `${UNTRUSTED}fieldseal backup key ${Buffer.from(id).toString('hex')}\n${base64('Ed', id, rawPublic(key))}\n`;
}

/**
 * Reads a public key: the file that `minisign -G` or {@link formatVerifyKey} made, or its second line alone.
 *
 * @throws ERR_BACKUP_SIGNATURE when it is none
 */
export function parseVerifyKey(text: string): VerifyKey {
  const line = text.trim().split('\n').at(-1) ?? '';
  const bytes = fromBase64(line, 2 + ID_BYTES + KEY_BYTES);
  if (bytes === null || bytes.toString('latin1', 0, 2) !== 'Ed')
    throw new FieldsealError('ERR_BACKUP_SIGNATURE', 'the text is not a minisign public key', {
      hint: 'Give the contents of the .pub file.',
    });
  const der = Buffer.concat([PUBLIC_DER, bytes.subarray(2 + ID_BYTES)]);
  return { id: bytes.subarray(2, 2 + ID_BYTES), key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

/**
 * The text of a `.minisig` file.
 *
 * @param digest - BLAKE2b-512 of the file, 64 bytes
 * @param comment - one line that is authenticated too
 */
export function signDigest(key: SigningKey, digest: Uint8Array, comment: string): string {
  if (/[\r\n]/.test(comment)) throw new FieldsealError('ERR_OPTIONS', 'a trusted comment is one line');
  const signature = sign(null, digest, key.private);
  const global = sign(null, Buffer.concat([signature, Buffer.from(comment)]), key.private);
  return `${UNTRUSTED}signature of a fieldseal backup\n${base64('ED', key.public.id, signature)}\n${TRUSTED}${comment}\n${base64(global)}\n`;
}

/**
 * Checks a signature against the digest of a file and gives its trusted comment.
 *
 * @param keys - any of which may have signed
 * @throws ERR_BACKUP_SIGNATURE when none did, or the file or the comment was changed
 */
export function verifyDigest(keys: readonly VerifyKey[], digest: Uint8Array, signature: string): TrustedComment {
  const [first = '', line = '', third = '', last = '', ...rest] = signature.split('\n');
  const bytes = fromBase64(line, 2 + ID_BYTES + SIGNATURE_BYTES);
  const global = fromBase64(last, SIGNATURE_BYTES);
  const formed = first.startsWith(UNTRUSTED) && third.startsWith(TRUSTED) && rest.join('').trim() === '';
  if (!formed || bytes === null || global === null || bytes.toString('latin1', 0, 2) !== 'ED')
    throw refused('the signature cannot be read');
  const id = bytes.subarray(2, 2 + ID_BYTES);
  const key = keys.find((candidate) => timingSafeEqual(candidate.id, id));
  if (key === undefined) throw refused('the backup was signed by an unknown key');
  const comment = third.slice(TRUSTED.length);
  const body = bytes.subarray(2 + ID_BYTES);
  const sound =
    verify(null, digest, key.key, body) && verify(null, Buffer.concat([body, Buffer.from(comment)]), key.key, global);
  if (!sound) throw refused('the backup or its signature was changed');
  return { comment };
}

/** A plain Ed25519 signature of a text, base64. */
export function signText(key: SigningKey, text: string): string {
  return sign(null, Buffer.from(text), key.private).toString('base64');
}

/** Whether one of the keys made this signature of a text. */
export function isSignedText(keys: readonly VerifyKey[], text: string, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  return keys.some(({ key }) => verify(null, Buffer.from(text), key, bytes));
}

function rawPublic(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-KEY_BYTES);
}

function base64(...parts: readonly (string | Uint8Array)[]): string {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))).toString(
    'base64',
  );
}

/** Bytes of canonical base64 of an exact length, else null. */
function fromBase64(text: string, length: number): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === length && bytes.toString('base64') === text ? bytes : null;
}

function refused(message: string): FieldsealError {
  return new FieldsealError('ERR_BACKUP_SIGNATURE', message);
}
