import { randomUUID } from 'node:crypto';
import {
  blindIndexTerm,
  createKeyring,
  FieldCipher,
  generateRawKey,
  type Keyring,
  type KeySource,
  keyringMemory,
  rawKey,
} from '@fieldseal/core';
import type { JobField, JobRow, RowChange, RowSource } from '@fieldseal/core/jobs';

const cipher = new FieldCipher();

export async function freshKeyring(): Promise<Keyring> {
  return (await createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] })).keyring;
}

/** Writes values into a field of rows as the extension would: cells and terms. A row whose value is undefined stays as it is. */
export async function seal(
  source: RowSource,
  keyring: Keyring,
  rows: readonly JobRow[],
  name: string,
  valueAt: (at: number) => unknown,
): Promise<void> {
  const column = source.fields.findIndex(({ form }) => form.spec.field === name);
  const field = source.fields[column] as JobField;
  const view = await keyring.resolve('');
  const { spec, bind } = field.form;
  const changes = rows.flatMap((row, place): RowChange[] => {
    const value = valueAt(place);
    if (value === undefined) return [];
    const binding = bind.length === 0 ? null : bind.map((at) => row.bound[at] as readonly [string, string]);
    const items = field.list ? (value as unknown[]) : [value];
    const sealed = cipher.encrypt(
      view,
      items.map((item) => ({ spec, value: item, binding })),
    );
    const cells = row.cells.map((cell, at) => (at === column ? (field.list ? sealed : sealed[0]) : cell));
    const terms = [...row.terms];
    for (const { spec: index, at } of field.indexes) terms[at] = blindIndexTerm(view.indexRoot, index, value);
    return [{ row, cells, terms }];
  });
  const written = await source.database.transaction((session) => source.swap(session, changes));
  if (written !== changes.length) throw new Error('a row was not written');
}

/** All rows, in the order of their keys. */
export function rowsOf(source: RowSource): Promise<readonly JobRow[]> {
  return source.read(source.database, { after: null, upTo: null }, 100_000, { what: 'all' });
}

/** What a field holds in all rows: values of cells, plaintext as it is, and the code of the error for what does not open. */
export async function valuesIn(source: RowSource, keyring: KeySource, name: string): Promise<unknown[]> {
  const column = source.fields.findIndex(({ form }) => form.spec.field === name);
  const field = source.fields[column] as JobField;
  const view = await keyring.resolve('');
  return (await rowsOf(source)).map((row) => {
    const open = (stored: unknown): unknown => {
      if (stored === null || (field.migrating && field.plaintext.is(stored))) return stored;
      const { spec, bind } = field.form;
      const binding = bind.length === 0 ? null : bind.map((at) => row.bound[at] as readonly [string, string]);
      try {
        return cipher.decrypt(view, cipher.parse([{ spec, stored, binding }]))[0];
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const stored = row.cells[column];
    return field.list && Array.isArray(stored) ? stored.map(open) : open(stored);
  });
}

/** New ids in the order of the database. */
export function ids(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID()).sort();
}
