/**
 * A second implementation of the reading side, written from spec/format.md and docs/compatibility.md with the noble libraries only. It
 * imports nothing of ours, so that a mistake in core cannot be made twice.
 *
 * @module
 */
import { ecb, gcm } from '@noble/ciphers/aes.js';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** A value as the specification names it: its type and its payload without padding. */
export interface OpenedCell {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** A key of a keyring in the open. */
export interface OpenedKey {
  readonly scope: string;
  readonly purpose: string;
  readonly keyId: string;
  readonly key: Uint8Array;
}

/** Opens the text of a cell of either suite; throws when it does not open. */
export function openCell(
  dek: Uint8Array,
  model: string,
  field: string,
  text: string,
  binding: readonly string[] = [],
): OpenedCell {
  const cell = base64url(text.replace(/^fs1:/, ''));
  const [header, nonce, sealed] = [cell.slice(0, 9), cell.slice(9, 33), cell.slice(33)];
  if (hex(header.slice(1)) !== keyId(dek)) throw new Error('another key');
  const aad = binding.length === 0 ? header : join(header, sha256(pae(...binding)));
  const key = derive(dek, pae('fieldseal/v1/field', header.slice(0, 1), model, field));
  const plaintext = aead(header[0] as number, key, nonce, aad, sealed);
  const tag = plaintext[0] as number;
  const stored = plaintext.slice(1);
  return { type: tag & 0x7f, payload: tag & 0x80 ? stored.slice(0, stored.lastIndexOf(0x80)) : stored };
}

/** Opens a keyring document with 32 secret bytes of a raw key; throws when it does not open or was altered. */
export function openKeyringText(text: string, secret: Uint8Array): OpenedKey[] {
  const { mac, ...ring } = JSON.parse(text) as KeyringJson;
  const [slot] = ring.slots.filter(({ type }) => type === 'rawKey');
  if (slot === undefined) throw new Error('no slot of a raw key');
  const params = JSON.stringify(Object.entries(slot.params).sort());
  const slotAad = pae('fieldseal/v1/slot', ring.id, slot.id, slot.type, slot.created, params);
  const root = unwrap(derive(secret, pae('fieldseal/v1/slot', slot.type)), slot.wrapped, slotAad);
  const code = hmac(sha256, derive(root, pae('fieldseal/v1/keyring-mac')), utf8(canonical(ring)));
  if (hex(code) !== hex(base64url(mac))) throw new Error('the keyring was altered');
  const wrapping = derive(root, pae('fieldseal/v1/keyring-kek'));
  const keks = new Map(
    ring.keks.map((kek) => [kek.id, unwrap(wrapping, kek.wrapped, pae('fieldseal/v1/kek', ring.id, kek.id))]),
  );
  return ring.keysets.flatMap(({ scope, data, index }) =>
    Object.entries({ data, index }).flatMap(([purpose, series]) =>
      series.versions.map((version) => {
        const aad = pae('fieldseal/v1/dek', version.kekId, bytes(version.keyId), scope, purpose);
        const key = unwrap(keks.get(version.kekId) as Uint8Array, version.wrapped, aad);
        if (keyId(key) !== version.keyId) throw new Error('a key does not match its id');
        return { scope, purpose, keyId: version.keyId, key };
      }),
    ),
  );
}

/** Index term of one value. */
export function indexTerm(
  root: Uint8Array,
  version: number,
  place: readonly [string, string, string],
  value: string,
  bits: number,
): string {
  const key = derive(root, pae('fieldseal/v1/index', ...place));
  return `${version}.${hex(hmac(sha256, key, pae(value))).slice(0, bits / 4)}`;
}

interface SeriesJson {
  readonly versions: readonly { readonly keyId: string; readonly kekId: string; readonly wrapped: string }[];
}

interface KeyringJson {
  readonly id: string;
  readonly mac: string;
  readonly slots: readonly {
    id: string;
    type: string;
    created: string;
    params: Record<string, string | number>;
    wrapped: string;
  }[];
  readonly keks: readonly { readonly id: string; readonly wrapped: string }[];
  readonly keysets: readonly { readonly scope: string; readonly data: SeriesJson; readonly index: SeriesJson }[];
}

function unwrap(key: Uint8Array, text: string, aad: Uint8Array): Uint8Array {
  const wrapped = base64url(text);
  return aead(wrapped[0] as number, key, wrapped.slice(1, 25), aad, wrapped.slice(25));
}

function aead(suite: number, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (suite === 0x11) return xchacha20poly1305(key, nonce, aad).decrypt(sealed);
  if (suite !== 0x12) throw new Error('another suite');
  return gcm(xaesKey(key, nonce.slice(0, 12)), nonce.slice(12), aad).decrypt(sealed);
}

/** C2SP XAES-256-GCM: K1 by doubling AES(0), then the key is AES(M1 ⊕ K1) ‖ AES(M2 ⊕ K1). */
function xaesKey(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const aes = (block: Uint8Array): Uint8Array => ecb(key, { disablePadding: true }).encrypt(block);
  const number = (block: Uint8Array): bigint => BigInt(`0x${hex(block)}`);
  const zero = number(aes(new Uint8Array(16)));
  const k1 = BigInt.asUintN(128, zero << 1n) ^ (zero >> 127n === 1n ? 0x87n : 0n);
  const half = (counter: number): Uint8Array => {
    const block = number(join(Uint8Array.of(0, counter, 0x58, 0), nonce)) ^ k1;
    return aes(bytes(block.toString(16).padStart(32, '0')));
  };
  return join(half(1), half(2));
}

function derive(key: Uint8Array, info: Uint8Array, length = 32): Uint8Array {
  return hkdf(sha256, key, new Uint8Array(0), info, length);
}

function keyId(dek: Uint8Array): string {
  return hex(derive(dek, utf8('fieldseal/v1/key-id'), 8));
}

function pae(...pieces: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = pieces.map((piece) => (typeof piece === 'string' ? utf8(piece) : piece));
  return join(number64(parts.length), ...parts.flatMap((part) => [number64(part.length), part]));
}

function number64(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])}`).join(',')}}`;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function base64url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function hex(raw: Uint8Array): string {
  return Buffer.from(raw).toString('hex');
}
