/**
 * Blind indexes (spec/format.md §4): a keyed digest of a normalised value, which finds equal values without showing them. It shows which
 * rows are equal, and so how often each value occurs: do not index fields of few values.
 *
 * @module
 */
import { createHmac } from 'node:crypto';
import { pae, toHex } from './bytes.ts';
import { FieldsealError } from './errors.ts';
import type { IndexSpec } from './field-spec.ts';
import type { IndexRoot } from './keyring/key-view.ts';
import { normalize } from './normalizer.ts';
import type { SecretBytes } from './secret-bytes.ts';
import { canonicalText } from './value.ts';

/**
 * Term of one value, `<version>.<hex>`.
 *
 * @throws ERR_VALUE when the value is not of the source field's type
 */
export function blindIndexTerm(root: IndexRoot, index: IndexSpec, value: unknown): string {
  const { model, field } = index.source.context;
  const key = root.indexKey(model, field, index.name);
  const text = normalize(canonicalText(index.source.type, value), index.normalize);
  return formatTerm(root.version, indexMac(key, [text]), index.bits);
}

/** HMAC-SHA256 over normalised values, one per source field. 32 bytes. */
export function indexMac(key: SecretBytes, values: readonly string[]): Uint8Array {
  return createHmac('sha256', key.expose())
    .update(pae(...values))
    .digest();
}

/** The first `bits` bits of a MAC behind the index version; zero bits fill the last hexadecimal digit. */
export function formatTerm(version: number, mac: Uint8Array, bits: number): string {
  if (!(Number.isInteger(bits) && bits >= 1 && bits <= 8 * mac.length))
    throw new FieldsealError('ERR_OPTIONS', 'an index term has 1 to 256 bits'); // without any, every term would be equal
  const bytes = Uint8Array.from(mac.subarray(0, Math.ceil(bits / 8)));
  const last = bytes.length - 1;
  if (bits % 8 !== 0) bytes[last] = (bytes[last] as number) & (0xff << (8 - (bits % 8)));
  return `${version}.${toHex(bytes).slice(0, Math.ceil(bits / 4))}`;
}
