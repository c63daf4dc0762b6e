import { createHash } from 'node:crypto';
import { concat, pae } from './bytes.ts';
import { FieldsealError } from './errors.ts';

/** One bound column: its name in the schema and its value as canonical text. */
export type BoundColumn = readonly [column: string, value: string];

/**
 * The additional authenticated data of a cell (spec/format.md §3): its header, and for a row-bound field the digest of the bound columns.
 * This is the only place where AAD is built.
 *
 * @param binding - bound columns in schema order, or null for a field that is not bound to its row
 * @throws ERR_VALUE when `binding` is an empty list: a binding to nothing is a mistake, not "unbound"
 */
export function cellAad(header: Uint8Array, binding: readonly BoundColumn[] | null): Uint8Array {
  if (binding === null) return header;
  if (binding.length === 0) throw new FieldsealError('ERR_VALUE', 'a row binding names no column');
  return concat(
    header,
    createHash('sha256')
      .update(pae(...binding.flat()))
      .digest(),
  );
}
