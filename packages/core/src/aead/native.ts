import { type CipherChaCha20Poly1305Types, type CipherGCMTypes, createCipheriv, createDecipheriv } from 'node:crypto';
import { hchacha } from '@noble/ciphers/chacha.js';
import { concat } from '../bytes.ts';
import { TAG_BYTES } from '../cell.ts';
import { FieldsealError } from '../errors.ts';
import { KEY_BYTES } from '../kdf.ts';
import { XCHACHA20_POLY1305 } from '../suite.ts';
import type { AeadEngine, AeadMessage } from './engine.ts';
import { type BlockCipher, XAES_KEY_NONCE_BYTES, xaesKeys } from './xaes.ts';

/** An OpenSSL cipher with the key and nonce that one message has in it. */
interface Setup {
  readonly cipher: CipherGCMTypes | CipherChaCha20Poly1305Types;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Without it, node accepts tags of 4 bytes for AES-GCM. */
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/** OpenSSL through node:crypto: constant-time AES, and the fastest way for long messages. */
export const nativeEngine: AeadEngine = {
  name: 'native',
  encrypt: (batch) => use(batch, encryptOne),
  decrypt: (batch) => use(batch, decryptOne),
};

function encryptOne({ cipher, key, nonce }: Setup, { aad, data }: AeadMessage): Uint8Array {
  const aead = createCipheriv(cipher as CipherGCMTypes, key, nonce, OPTIONS);
  aead.setAAD(aad);
  const body = aead.update(data);
  const rest = aead.final();
  return concat(body, rest, aead.getAuthTag());
}

function decryptOne({ cipher, key, nonce }: Setup, { aad, data }: AeadMessage): Uint8Array | null {
  const end = data.length - TAG_BYTES;
  if (end < 0) return null;
  const aead = createDecipheriv(cipher as CipherGCMTypes, key, nonce, OPTIONS);
  aead.setAAD(aad);
  aead.setAuthTag(data.subarray(end));
  const plaintext = aead.update(data.subarray(0, end));
  try {
    aead.final();
    return plaintext;
  } catch {
    plaintext.fill(0); // update() hands out plaintext before the tag is checked
    return null;
  }
}

/** Does the work with the key of each message, which is wiped afterwards. */
function use<T>(batch: readonly AeadMessage[], work: (setup: Setup, message: AeadMessage) => T): T[] {
  if (batch.some(({ key }) => key.length !== KEY_BYTES))
    throw new FieldsealError('ERR_KEY_INVALID', `an encryption key has ${KEY_BYTES} bytes`); // HChaCha20 would take any
  const keys = xaesKeysOf(batch);
  try {
    return batch.map((message, place) => {
      const setup = message.suite === XCHACHA20_POLY1305 ? xchacha(message) : xaes(message, keys.get(place));
      try {
        return work(setup, message);
      } finally {
        setup.key.fill(0);
      }
    });
  } finally {
    for (const key of keys.values()) key.fill(0);
  }
}

/** XChaCha20-Poly1305 is ChaCha20-Poly1305 under a key from HChaCha20 (draft-irtf-cfrg-xchacha-03 §2.3). */
function xchacha(message: AeadMessage): Setup {
  const key = new Uint8Array(32);
  const words = new Uint32Array(key.buffer);
  const input = words32(message.key);
  hchacha(SIGMA, input, words32(message.nonce.subarray(0, 16)), words);
  input.fill(0);
  if (!LITTLE_ENDIAN) swap(words);
  const nonce = new Uint8Array(12);
  nonce.set(message.nonce.subarray(16), 4);
  return { cipher: 'chacha20-poly1305', key, nonce };
}

function xaes(message: AeadMessage, key: Uint8Array | undefined): Setup {
  return { cipher: 'aes-256-gcm', key: key as Uint8Array, nonce: message.nonce.subarray(XAES_KEY_NONCE_BYTES) };
}

/**
 * Keys of the XAES messages by their place. Each key of the batch gets one AES object, which lives no longer than this call: OpenSSL keeps
 * a copy of the key in it that nobody can wipe, so it is not kept for later batches.
 */
function xaesKeysOf(batch: readonly AeadMessage[]): Map<number, Uint8Array> {
  const places = new Map<Uint8Array, number[]>();
  for (const [place, { suite, key }] of batch.entries()) {
    if (suite === XCHACHA20_POLY1305) continue;
    const same = places.get(key);
    if (same === undefined) places.set(key, [place]);
    else same.push(place);
  }
  const keys = new Map<number, Uint8Array>();
  for (const [key, same] of places) {
    const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
    const aes: BlockCipher = (blocks) => cipher.update(blocks);
    const made = xaesKeys(
      aes,
      same.map((place) => (batch[place] as AeadMessage).nonce),
    );
    for (const [at, place] of same.entries()) keys.set(place, made.subarray(KEY_BYTES * at, KEY_BYTES * (at + 1)));
  }
  return keys;
}

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
/** "expand 32-byte k" (RFC 8439 §2.3). */
const SIGMA = words32(Buffer.from('expand 32-byte k', 'latin1'));

/** A copy as 32-bit words of little-endian bytes. */
function words32(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(new Uint8Array(bytes).buffer);
  return LITTLE_ENDIAN ? words : swap(words);
}

function swap(words: Uint32Array): Uint32Array {
  Buffer.from(words.buffer).swap32();
  return words;
}
