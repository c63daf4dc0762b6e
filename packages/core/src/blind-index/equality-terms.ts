/**
 * Blind indexes of equality (spec/format.md §4): a keyed digest of a normalised value, which finds equal values without showing them. It shows which
 * rows are equal, and so how often each value occurs: do not index fields of few values. Other kinds are in index-terms.ts.
 *
 * @module
 */
import { createHmac } from 'node:crypto';
import { textMacs } from '../aead/text-macs.ts';
import { pae, view } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import type { IndexSpec } from '../field-spec.ts';
import type { IndexRoot } from '../keyring/key-view.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { indexedText, isPlainEquality } from './pieces.ts';

/** A value of which an equality index over one field, without partitions, needs the term. */
export interface IndexedValue {
  readonly index: IndexSpec;
  readonly value: unknown;
}

/**
 * Term of one value, `<version>.<hex>`.
 *
 * @throws ERR_VALUE when the value is not of the source field's type
 */
export function blindIndexTerm(root: IndexRoot, index: IndexSpec, value: unknown): string {
  const text = equalText(index, value);
  return formatTerm(root.version, indexMac(indexKey(root, index), [text]), index.bits);
}

/**
 * Terms of many values, in order: the same as {@link blindIndexTerm} gives, and several times faster.
 *
 * @throws ERR_VALUE, with the model and field of the source, when a value is not of its type; nothing is returned then
 */
export function blindIndexTerms(root: IndexRoot, values: readonly IndexedValue[]): string[] {
  const texts = values.map(({ index, value }) => equalText(index, value));
  // Values may bring code of others along, which may wipe keys: they are taken after it, so that none is used as zeros.
  const keys = new Map<IndexSpec, Uint8Array>();
  const jobs = values.map(({ index }, at) => {
    let key = keys.get(index);
    if (key === undefined) {
      key = indexKey(root, index).expose();
      keys.set(index, key);
    }
    return { key, text: texts[at] as string };
  });
  return textMacs(jobs).map((mac, at) => formatTerm(root.version, mac, (values[at] as IndexedValue).index.bits));
}

/** HMAC-SHA256 over normalised values, one per source field. 32 bytes. */
export function indexMac(key: SecretBytes, values: readonly string[]): Uint8Array {
  return createHmac('sha256', key.expose())
    .update(pae(...values))
    .digest();
}

function indexKey(root: IndexRoot, { sources: [source], name }: IndexSpec): SecretBytes {
  return root.indexKey(source.context.model, source.context.field, name);
}

function equalText(index: IndexSpec, value: unknown): string {
  if (isPlainEquality(index)) return indexedText(index, value);
  throw new FieldsealError('ERR_OPTIONS', 'the index has more than one term for a value, or values of several fields', {
    model: index.model,
    field: index.column,
  });
}

/** The first `bits` bits of a MAC behind the index version; zero bits fill the last hexadecimal digit. */
export function formatTerm(version: number, mac: Uint8Array, bits: number): string {
  if (!(Number.isInteger(bits) && bits >= 1 && bits <= 8 * mac.length))
    throw new FieldsealError('ERR_OPTIONS', 'an index term has 1 to 256 bits'); // without any, every term would be equal
  const bytes = Math.ceil(bits / 8);
  const digits = view(mac)
    .toString('hex', 0, bytes)
    .slice(0, Math.ceil(bits / 4));
  const spare = digits.length * 4 - bits;
  if (spare === 0) return `${version}.${digits}`;
  const last = Number.parseInt(digits.slice(-1), 16) & (0xf << spare);
  return `${version}.${digits.slice(0, -1)}${last.toString(16)}`;
}
