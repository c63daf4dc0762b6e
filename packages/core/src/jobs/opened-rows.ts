import { FieldsealError } from '../errors.ts';
import type { FieldCipher } from '../field-cipher.ts';
import { APPLICATION_SCOPE, type KeySource } from '../keyring/key-view.ts';
import { byScope } from './row-scopes.ts';
import type { JobRow, RowSource } from './row-source.ts';
import { open, type RowValue, valuesOf } from './row-values.ts';

/**
 * The values of rows, decrypted: of each row those of the source's fields, a list where the field is one, null for NULL. Plaintext of a field that is
 * being migrated is a value too.
 *
 * @throws ERR_DECRYPT, ERR_SCOPE_MISMATCH, ERR_KEY_UNKNOWN and the like for the first value that does not open
 */
export async function openRows(
  cipher: FieldCipher,
  keys: KeySource,
  { fields, scope }: Pick<RowSource, 'fields' | 'scope'>,
  rows: readonly JobRow[],
): Promise<readonly (readonly unknown[])[]> {
  const values = valuesOf(cipher, rows, fields);
  for (const { view, values: own } of await byScope(keys, AS_THEY_ARE, values, scope === APPLICATION_SCOPE))
    open(cipher, view, own);
  const opened = rows.map(({ cells }) => cells.map((cell) => (Array.isArray(cell) ? [...(cell as unknown[])] : cell)));
  for (const value of values) {
    const { at, column, element, fault, field, stored } = value;
    if (stored === null) continue; // in a list
    if (fault !== null) throw new FieldsealError(fault, 'a value cannot be opened', placeOf(value));
    const found = value.plain ? field.plaintext.read(stored) : value.value;
    const cells = opened[at] as unknown[];
    if (element === null) cells[column] = found;
    else (cells[column] as unknown[])[element] = found;
  }
  return opened;
}

/** Keys are resolved as by a verification: none are made. */
const AS_THEY_ARE = { kind: 'verify', target: null } as const;

function placeOf({ field: { form } }: RowValue): { readonly model: string; readonly field: string } {
  const { model, field } = form.spec;
  return { model, field };
}
