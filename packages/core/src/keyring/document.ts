/**
 * The keyring as a JSON document. Everything in it is public or wrapped, and all of it is authenticated under the root key.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { fromBase64Url, toBase64Url } from '../bytes.ts';
import { canonicalJson } from '../canonical-json.ts';
import { FieldsealError } from '../errors.ts';
import { deriveKeyringKey, LABELS } from '../kdf.ts';
import { type KeysetRecord, parseKeysetRecord } from '../key-store/keyset-record.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { isSuite, type SuiteId } from '../suite.ts';
import type { Slot } from './slot.ts';

/** A KEK under the root key, or the name of one outside the keyring. */
export interface KekEntry {
  readonly id: string;
  /** ISO 8601 in UTC. */
  readonly created: string;
  /** base64url; null for a KEK outside, which is given when the keyring is opened. */
  readonly wrapped: string | null;
}

/** What a keyring holds. */
export interface KeyringDocument {
  readonly format: 'fieldseal-keyring/1';
  readonly id: string;
  /** Counts the changes, from 1. */
  readonly generation: number;
  /** ISO 8601 in UTC. */
  readonly created: string;
  /** Suite of new keys and of all wrapping in the document. */
  readonly suite: SuiteId;
  readonly slots: readonly Slot[];
  /** KEK versions; the last one wraps new keys. */
  readonly keks: readonly KekEntry[];
  /** Keysets of static scopes; empty when an outside key store holds them. */
  readonly keysets: readonly KeysetRecord[];
  /** Version of the authentication codes that records of the outside key store must have; without it records may have none. */
  readonly recordMac?: 1;
}

const FORMAT_FAMILY = 'fieldseal-keyring/';
const FORMAT = 'fieldseal-keyring/1';

/** Ways to open one keyring, at most. */
export const MAX_SLOTS = 16;

/** The document as text, with its authentication code. */
export function serializeDocument(document: KeyringDocument, root: SecretBytes): string {
  return `${JSON.stringify({ ...document, mac: toBase64Url(mac(document, root)) }, null, 2)}\n`;
}

/**
 * Reads a document. It is not trusted until {@link authenticateDocument} has passed, which needs the root key from one of its slots.
 *
 * @throws ERR_KEYRING_DAMAGED naming the part that is wrong
 */
export function parseDocument(text: string): { readonly document: KeyringDocument; readonly mac: Uint8Array } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged('it is not JSON'); // V8's message quotes the text
  }
  const { mac: code, ...rest } = members(json, 'the document');
  const { format, id, generation, created, suite, slots, keks, keysets, recordMac } = rest;
  if (typeof format === 'string' && format !== FORMAT && format.startsWith(FORMAT_FAMILY)) {
    const hint = 'A newer version of Fieldseal wrote it: update this one.';
    throw new FieldsealError('ERR_KEYRING_DAMAGED', 'the keyring has a format that this version does not know', {
      hint,
    });
  }
  if (format !== FORMAT) throw damaged(`its format is not ${FORMAT}`);
  if (!isText(id) || !isText(created)) throw damaged('id or created');
  if (!Number.isSafeInteger(generation) || (generation as number) < 1) throw damaged('generation');
  if (!isSuite(suite)) throw damaged('suite');
  if (recordMac !== undefined && recordMac !== 1) throw damaged('recordMac');
  const bytes = isText(code) ? fromBase64Url(code) : null;
  if (bytes === null) throw damaged('mac');
  const document: KeyringDocument = {
    format: FORMAT,
    id,
    generation: generation as number,
    created,
    suite,
    slots: list(slots, 'slots').map(parseSlot),
    keks: list(keks, 'keks').map(parseKek),
    keysets: list(keysets, 'keysets').map(parseKeyset),
    ...(recordMac === undefined ? {} : { recordMac }),
  };
  if (document.slots.length === 0 || document.keks.length === 0) throw damaged('it has no slot or no KEK');
  // Slots are tried before anything is authenticated, and each may cost a scrypt.
  if (document.slots.length > MAX_SLOTS) throw damaged('it has too many slots');
  if (new Set(document.keks.map((kek) => kek.id)).size < document.keks.length) throw damaged('a KEK id stands twice');
  if (new Set(document.slots.map((slot) => slot.id)).size < document.slots.length)
    throw damaged('a slot id stands twice');
  return { document, mac: bytes };
}

/**
 * Checks the document's authentication code.
 *
 * @throws ERR_KEYRING_DAMAGED when anything in it was changed without the root key
 */
export function authenticateDocument(document: KeyringDocument, code: Uint8Array, root: SecretBytes): void {
  const expected = mac(document, root);
  if (code.length !== expected.length || !timingSafeEqual(code, expected))
    throw damaged('its authentication code is wrong');
}

/** HMAC-SHA256 over the canonical spelling of the document. */
function mac(document: KeyringDocument, root: SecretBytes): Uint8Array {
  const key = deriveKeyringKey(root, LABELS.keyringMac);
  try {
    return createHmac('sha256', key.expose()).update(canonicalJson(document)).digest();
  } finally {
    key.wipe();
  }
}

function parseSlot(json: unknown): Slot {
  const { id, type, created, params, wrapped } = members(json, 'slot');
  if (!isText(id) || !isText(type) || !isText(created) || !isText(wrapped)) throw damaged('slot');
  const checked = members(params, 'slot.params');
  const sound = Object.values(checked).every((value) => typeof value === 'string' || typeof value === 'number');
  if (!sound) throw damaged('slot.params');
  return { id, type, created, params: checked as Slot['params'], wrapped };
}

function parseKek(json: unknown): KekEntry {
  const { id, created, wrapped } = members(json, 'kek');
  if (!isText(id) || !isText(created) || (wrapped !== null && !isText(wrapped))) throw damaged('kek');
  return { id, created, wrapped };
}

function parseKeyset(json: unknown): KeysetRecord {
  try {
    return parseKeysetRecord(json);
  } catch (cause) {
    throw new FieldsealError('ERR_KEYRING_DAMAGED', 'a keyset of the keyring is damaged', { cause });
  }
}

function members(json: unknown, name: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw damaged(name);
  return json as Record<string, unknown>;
}

function list(json: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(json)) throw damaged(name);
  return json;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function damaged(part: string): FieldsealError {
  return new FieldsealError('ERR_KEYRING_DAMAGED', `the keyring is damaged: ${part}`);
}
