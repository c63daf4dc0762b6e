import { pbkdf2Sync } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { type LegacyPlaintext, type LegacyReader, SecretBytes } from '@fieldseal/core';
import { openGcm } from './block-ciphers.ts';
import { base64Bytes, storedText, utf8Text } from './encodings.ts';
import { badKey, malformed, undecryptable, unserved } from './reader-error.ts';

const FORMAT = 'rails';
/** Rounds of PBKDF2 in ActiveSupport::KeyGenerator, which Rails does not let one change. */
const ROUNDS = 2 ** 16;
/** The most bytes that a compressed value may become: a few kilobytes can claim gigabytes. */
const MAX_INFLATED = 64 * 1024 * 1024;
const START = /^\s*\{\s*"p"\s*:/;

/** Options of {@link railsEncryption}. */
export interface RailsEncryptionOptions {
  /**
   * Keys of the attribute as configured, the newest first: `primary_key`, or `deterministic_key` for `encrypts …, deterministic: true`, or its
   * own `key:`. All are tried, as Rails does.
   */
  readonly keys: readonly string[];
  /** `key_derivation_salt` of the configuration. */
  readonly salt: string;
  /** `hash_digest_class`: SHA256 since `load_defaults 7.1`, SHA1 before. Several are tried in turn. */
  readonly digests?: readonly ('sha1' | 'sha256')[];
}

interface Message {
  readonly payload: Buffer;
  readonly iv: Buffer;
  readonly tag: Buffer;
  readonly compressed: boolean;
  readonly encoding: string;
  /** The wrapped key of the value, in envelope mode. */
  readonly key: Message | null;
}

/**
 * Reads attributes of Rails' ActiveRecord::Encryption: JSON `{"p":…,"h":{"iv":…,"at":…}}`, AES-256-GCM without associated data,
 * deterministic or not, compressed or not, with a derived key or an envelope key. Method: the guide "Active Record Encryption" and the source
 * of Rails 7 and 8.
 *
 * Deriving a key takes tens of ms, once for each key and digest, on the call.
 *
 * @throws ERR_KEY_INVALID without a key or a salt
 */
export function railsEncryption({ keys, salt, digests = ['sha256'] }: RailsEncryptionOptions): LegacyReader {
  if (keys.length === 0 || salt === '' || keys.includes('')) throw badKey(FORMAT, 'a text, with a salt');
  const derived = digests.flatMap((digest) =>
    keys.map((key) => SecretBytes.take(new Uint8Array(pbkdf2Sync(key, salt, ROUNDS, 32, digest)))),
  );
  return {
    format: `${FORMAT}/${digests.join('+')}`,
    recognizes: (stored) => START.test(storedText(stored) ?? ''),
    open: (stored) => {
      const message = parse(storedText(stored) ?? '');
      const { key } = message;
      const data = key === null ? derived : derived.flatMap((outer) => wrappedKey(outer, key));
      for (const candidate of data) {
        const bytes = openGcm(candidate, message.iv, message.payload, message.tag);
        if (bytes !== null) return plaintextOf(bytes, message);
      }
      throw undecryptable(FORMAT);
    },
  };
}

function wrappedKey(outer: SecretBytes, { iv, payload, tag }: Message): SecretBytes[] {
  const bytes = openGcm(outer, iv, payload, tag);
  return bytes?.length === 32 ? [SecretBytes.take(bytes)] : [];
}

function plaintextOf(bytes: Buffer, { compressed, encoding }: Message): LegacyPlaintext {
  const content = compressed ? inflated(bytes) : bytes;
  if (encoding === 'ASCII-8BIT' || encoding === 'BINARY') return content;
  if (encoding !== 'UTF-8' && encoding !== 'US-ASCII')
    throw unserved(FORMAT, 'has another encoding than UTF-8', 'Convert it in Rails first.');
  const text = utf8Text(content);
  if (text === null) throw unserved(FORMAT, 'is not valid UTF-8', 'Mend it in Rails first.');
  return text;
}

function inflated(bytes: Buffer): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: MAX_INFLATED });
  } catch {
    throw unserved(FORMAT, 'does not decompress', `It is damaged, or longer than ${MAX_INFLATED} bytes.`);
  }
}

function parse(text: string): Message {
  try {
    return messageOf(JSON.parse(text));
  } catch {
    throw malformed(FORMAT); // what is thrown could hold the text
  }
}

/** A message from its JSON. The key in an envelope is a message itself, and never holds another. */
function messageOf(json: unknown, inner = false): Message {
  const { p, h } = json as { readonly p: unknown; readonly h: Readonly<Record<string, unknown>> };
  const [payload, iv, tag] = [base64Bytes(p), base64Bytes(h['iv']), base64Bytes(h['at'])];
  if (payload === null || iv?.length !== 12 || tag?.length !== 16) throw malformed(FORMAT);
  const { c, e, k } = h;
  const encoding = e === undefined ? 'UTF-8' : base64Bytes(e)?.toString('latin1');
  if (encoding === undefined || (inner && k !== undefined)) throw malformed(FORMAT);
  return { payload, iv, tag, compressed: c === true, encoding, key: k === undefined ? null : messageOf(k, true) };
}
