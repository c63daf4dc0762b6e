import { createDecipheriv, timingSafeEqual } from 'node:crypto';
import { type LegacyReader, SecretBytes } from '@fieldseal/core';
import { xchacha20, xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { hkdfKey, hmac } from './block-ciphers.ts';
import { type CipherSweetType, cipherSweetValue } from './ciphersweet-value.ts';
import { base64UrlBytes, hexBytes, storedText } from './encodings.ts';
import { badKey, malformed, undecryptable } from './reader-error.ts';

const FORMAT = 'ciphersweet';
/** Domain separation of CipherSweet's field keys (its Constants::DS_FENC). */
const SEPARATOR = Buffer.alloc(32, 0xb4);

/** Options of {@link cipherSweet}. */
export interface CipherSweetOptions {
  /** The root key: 64 hexadecimal digits. */
  readonly key: string;
  readonly table: string;
  readonly column: string;
  /** Type of the field; `string` by default. Typed values become the canonical text of the type. */
  readonly type?: CipherSweetType;
  /** Associated data that all values of the field share. Those that are bound to other columns do not open. */
  readonly aad?: string;
}

/**
 * Reads fields of CipherSweet for PHP and JavaScript, of all its back ends: `brng:` (BoringCrypto), `nacl:` (ModernCrypto) and `fips:` (FIPSCrypto).
 * Method: ciphersweet.paragonie.com/internals.
 *
 * @throws ERR_KEY_INVALID for a root key that is not 32 bytes
 */
export function cipherSweet({ key, table, column, type = 'string', aad = '' }: CipherSweetOptions): LegacyReader {
  const bytes = hexBytes(key);
  if (bytes?.length !== 32) throw badKey(FORMAT, '64 hexadecimal digits');
  const root = SecretBytes.copy(bytes);
  bytes.fill(0);
  const info = Buffer.concat([SEPARATOR, Buffer.from(column, 'utf8')]);
  const fieldKey = hkdfKey('sha384', root, table, info, 32);
  root.wipe();
  const shared = Buffer.from(aad, 'utf8');
  return {
    format: `${FORMAT}/${type}`,
    recognizes: (stored) => backEndOf(storedText(stored)) !== undefined,
    open: (stored) => {
      const text = storedText(stored);
      const backEnd = backEndOf(text);
      const sealed = base64UrlBytes(text?.slice(5));
      if (backEnd === undefined || sealed === null || sealed.length < backEnd.least) throw malformed(FORMAT);
      const plaintext = backEnd.open(fieldKey, sealed, shared);
      if (plaintext === null) throw undecryptable(FORMAT);
      return cipherSweetValue(type, plaintext);
    },
  };
}

interface BackEnd {
  /** The fewest bytes of a value. */
  readonly least: number;
  readonly open: (key: SecretBytes, sealed: Buffer, aad: Buffer) => Uint8Array | null;
}

const BACK_ENDS: Readonly<Record<string, BackEnd>> = {
  'brng:': { least: 24 + 32, open: openBoring },
  'nacl:': { least: 24 + 16, open: openModern },
  'fips:': { least: 32 + 16 + 48, open: openFips },
};

function backEndOf(text: string | null): BackEnd | undefined {
  const prefix = text?.slice(0, 5) ?? '';
  return Object.hasOwn(BACK_ENDS, prefix) ? BACK_ENDS[prefix] : undefined;
}

/** XChaCha20, then BLAKE2b of everything with lengths in decimal. */
function openBoring(key: SecretBytes, sealed: Buffer, aad: Buffer): Uint8Array | null {
  const [nonce, mac, ciphertext] = [sealed.subarray(0, 24), sealed.subarray(24, 56), sealed.subarray(56)];
  const subkey = (purpose: string): SecretBytes =>
    SecretBytes.take(blake2b(Buffer.from(purpose, 'latin1'), { key: key.expose(), dkLen: 32 }));
  const [integrity, encryption] = [subkey('message-integrity'), subkey('message-encryption')];
  const decimal = (length: number): Buffer => Buffer.from(String(length), 'latin1');
  const covered = Buffer.concat([
    Buffer.from('brng:', 'latin1'),
    nonce,
    decimal(aad.length),
    aad,
    decimal(ciphertext.length),
    ciphertext,
  ]);
  try {
    const expected = blake2b(covered, { key: integrity.expose(), dkLen: 32 });
    return timingSafeEqual(expected, mac) ? xchacha20(encryption.expose(), nonce, ciphertext) : null;
  } finally {
    integrity.wipe();
    encryption.wipe();
  }
}

/** XChaCha20-Poly1305, whose associated data begins with the nonce. */
function openModern(key: SecretBytes, sealed: Buffer, aad: Buffer): Uint8Array | null {
  const nonce = sealed.subarray(0, 24);
  try {
    return xchacha20poly1305(key.expose(), nonce, Buffer.concat([nonce, aad])).decrypt(sealed.subarray(24));
  } catch {
    return null;
  }
}

/** AES-256-CTR, then HMAC-SHA-384 of its pieces with lengths, under keys of their own for every value. */
function openFips(key: SecretBytes, sealed: Buffer, aad: Buffer): Uint8Array | null {
  const [salt, iv, mac, ciphertext] = [
    sealed.subarray(0, 32),
    sealed.subarray(32, 48),
    sealed.subarray(48, 96),
    sealed.subarray(96),
  ];
  const [integrity, encryption] = [
    hkdfKey('sha384', key, salt, 'HMAC-SHA-384', 32),
    hkdfKey('sha384', key, salt, 'AES-256-CTR', 32),
  ];
  try {
    const expected = hmac('sha384', integrity, packed(Buffer.from('fips:', 'latin1'), salt, iv, ciphertext), aad);
    if (!timingSafeEqual(expected, mac)) return null;
    const cipher = createDecipheriv('aes-256-ctr', encryption.expose(), iv);
    return Buffer.concat([cipher.update(ciphertext), cipher.final()]);
  } finally {
    integrity.wipe();
    encryption.wipe();
  }
}

/** Number of pieces (32 bits), then each with its length (64 bits), little-endian. */
function packed(...pieces: readonly Buffer[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(pieces.length);
  const parts = pieces.flatMap((piece) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(piece.length));
    return [length, piece];
  });
  return Buffer.concat([count, ...parts]);
}
