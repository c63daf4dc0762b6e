import { createRequire } from 'node:module';
import type { gcm } from '@noble/ciphers/aes.js';
import { XCHACHA20_POLY1305 } from '../suite.ts';
import type { AeadEngine, AeadMessage } from './engine.ts';
import { XAES_KEY_NONCE_BYTES, xaesKeys } from './xaes.ts';

interface Noble {
  readonly aes: typeof import('@noble/ciphers/aes.js');
  readonly chacha: typeof import('@noble/ciphers/chacha.js');
}

let loaded: Noble | undefined;

/** Loaded at the first use: its tables take 15 ms, and hardly anybody needs this engine. */
function noble(): Noble {
  const require = createRequire(import.meta.url);
  loaded ??= { aes: require('@noble/ciphers/aes.js'), chacha: require('@noble/ciphers/chacha.js') };
  return loaded;
}

/**
 * The reference engine: audited JavaScript that runs anywhere, without OpenSSL. Its AES uses tables, so it is not constant-time; prefer
 * the native engine for suite 0x12.
 */
export const nobleEngine: AeadEngine = {
  name: 'noble',
  encrypt: (batch) => batch.map((message) => use(message, (cipher) => cipher.encrypt(message.data))),
  decrypt: (batch) =>
    batch.map((message) => {
      try {
        return use(message, (cipher) => cipher.decrypt(message.data));
      } catch {
        return null;
      }
    }),
};

type Cipher = ReturnType<typeof gcm>;

function use(message: AeadMessage, work: (cipher: Cipher) => Uint8Array): Uint8Array {
  if (message.suite === XCHACHA20_POLY1305)
    return work(noble().chacha.xchacha20poly1305(message.key, message.nonce, message.aad));
  const key = xaesKeys(
    (blocks) => noble().aes.ecb(message.key, { disablePadding: true }).encrypt(blocks),
    [message.nonce],
  );
  try {
    return work(noble().aes.gcm(key, message.nonce.subarray(XAES_KEY_NONCE_BYTES), message.aad));
  } finally {
    key.fill(0);
  }
}
