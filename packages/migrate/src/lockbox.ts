import { type LegacyPlaintext, type LegacyReader, SecretBytes } from '@fieldseal/core';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { GCM_TAG, hkdfKey, openGcm } from './block-ciphers.ts';
import { base64Bytes, hexBytes } from './encodings.ts';
import { type LockboxType, lockboxValue } from './lockbox-value.ts';
import { badKey, malformed, undecryptable } from './reader-error.ts';

const FORMAT = 'lockbox';
/** Domain separation of Lockbox's attribute keys. */
const SEPARATOR = Buffer.alloc(32, 0xb4);

/** What a key of an attribute is derived from. */
export interface LockboxAttribute {
  /** The master key: 64 hexadecimal digits. */
  readonly masterKey: string;
  /** Table of the attribute, or its `key_table`. */
  readonly table: string;
  /** Column of the ciphertext, such as `email_ciphertext`, or its `key_attribute`. */
  readonly attribute: string;
}

/** Options of {@link lockbox}. */
export interface LockboxOptions {
  /** Keys that are tried in turn, as Lockbox does: of attributes, or 64 hexadecimal digits each (`key:`). */
  readonly keys: readonly (LockboxAttribute | string)[];
  /** `aes-gcm` by default. */
  readonly algorithm?: 'aes-gcm' | 'xchacha20' | 'xsalsa20';
  /** Whether the attribute is padded (`padding: true`): the block size, 16 for `true`. */
  readonly padding?: number;
  /** `type:` of the attribute; `string` by default. Typed values become the canonical text of the type. */
  readonly type?: LockboxType;
}

/**
 * Reads attributes of the Ruby library Lockbox: base64 of nonce, ciphertext and tag, or the same as bytes. Method: its docs/Compatibility.md.
 *
 * Nothing in a value names its format or its key. Whatever is base64 and long enough is taken for a value, and fails when it is none. Lockbox
 * stores an empty text as it is.
 *
 * @throws ERR_KEY_INVALID for a key that is not 32 bytes
 */
export function lockbox({ keys, algorithm = 'aes-gcm', padding = 0, type = 'string' }: LockboxOptions): LegacyReader {
  const ready = keys.map(keyOf);
  if (ready.length === 0) throw badKey(FORMAT, 'given');
  const { nonce, open } = ALGORITHMS[algorithm];
  const format = [FORMAT, algorithm, type, ...(padding > 0 ? [padding] : [])].join('/');
  return {
    format,
    recognizes: (stored) => stored.length === 0 || (bytesOf(stored)?.length ?? 0) >= nonce + GCM_TAG,
    open: (stored) => {
      if (stored.length === 0 && padding === 0) return '';
      const bytes = bytesOf(stored);
      if (bytes === null || bytes.length < nonce + GCM_TAG) throw malformed(FORMAT);
      for (const key of ready) {
        const opened = open(key, bytes.subarray(0, nonce), bytes.subarray(nonce));
        const plaintext = opened !== null && padding > 0 ? unpadded(opened, padding) : opened;
        if (plaintext !== null) return lockboxValue(type, plaintext);
      }
      throw undecryptable(FORMAT);
    },
  };
}

type Open = (key: SecretBytes, nonce: Uint8Array, sealed: Uint8Array) => Uint8Array | null;

const ALGORITHMS: Readonly<
  Record<NonNullable<LockboxOptions['algorithm']>, { readonly nonce: number; readonly open: Open }>
> = {
  'aes-gcm': {
    nonce: 12,
    open: (key, nonce, sealed) => openGcm(key, nonce, sealed.subarray(0, -GCM_TAG), sealed.subarray(-GCM_TAG)),
  },
  xchacha20: { nonce: 24, open: (...sealed) => openNoble(xchacha20poly1305, ...sealed) },
  xsalsa20: { nonce: 24, open: (...sealed) => openNoble(xsalsa20poly1305, ...sealed) },
};

type Noble = (key: Uint8Array, nonce: Uint8Array) => { decrypt(sealed: Uint8Array): Uint8Array };

function openNoble(cipher: Noble, key: SecretBytes, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  try {
    return cipher(key.expose(), nonce).decrypt(sealed);
  } catch {
    return null;
  }
}

function bytesOf(stored: LegacyPlaintext): Uint8Array | null {
  return typeof stored === 'string' ? base64Bytes(stored) : stored;
}

function keyOf(given: LockboxAttribute | string): SecretBytes {
  const bytes = hexBytes(typeof given === 'string' ? given : given.masterKey);
  if (bytes?.length !== 32) throw badKey(FORMAT, '64 hexadecimal digits');
  const key = SecretBytes.copy(bytes);
  bytes.fill(0);
  if (typeof given === 'string') return key;
  const info = Buffer.concat([SEPARATOR, Buffer.from(given.attribute, 'utf8')]);
  const derived = hkdfKey('sha384', key, given.table, info, 32);
  key.wipe();
  return derived;
}

/** Padding of ISO/IEC 7816-4: 0x80 and zeros up to a multiple of the block. */
function unpadded(bytes: Uint8Array, block: number): Uint8Array | null {
  const end = bytes.findLastIndex((byte) => byte !== 0);
  return bytes.length % block === 0 && bytes[end] === 0x80 ? bytes.subarray(0, end) : null;
}
