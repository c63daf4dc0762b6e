import { FieldsealError, type LegacyReader } from '@fieldseal/core';
import type { SchemaMap } from './schema/schema-map.ts';

/** A field in whose rows another system's values are left. */
export interface LegacyField {
  /** Read its values; the first that recognizes one opens it. */
  readonly readers: readonly LegacyReader[];
  /** What becomes of values that no reader recognizes: `refuse`, the default, throws ERR_CELL_FORMAT; `accept` takes them for plaintext. */
  readonly unrecognized?: 'refuse' | 'accept';
  /**
   * How its rows are found: by a column that the other system kept a hash in. Without it, filters of the field are refused until the rows are
   * encrypted. The hash has to normalise as the index of the field does, and every row with a value has to have one.
   */
  readonly search?: LegacySearch;
}

/** A column of hashes that another system kept. */
export interface LegacySearch {
  /** Field of the model that holds them. */
  readonly column: string;
  hash(value: string): string;
}

/** By model, then by field. */
export type LegacyFields = Readonly<Record<string, Readonly<Record<string, LegacyField>>>>;

/**
 * Checks what was given for fields of another system.
 *
 * @throws ERR_OPTIONS for a field that is not being migrated, one without readers, and a column of hashes that is not a plain text
 */
export function checkLegacyFields({ models }: SchemaMap, legacy: LegacyFields): void {
  for (const [model, fields] of Object.entries(legacy)) {
    const known = Object.hasOwn(models, model) ? models[model] : undefined;
    for (const [field, { readers, search }] of Object.entries(fields)) {
      const refused = (message: string, hint: string) =>
        new FieldsealError('ERR_OPTIONS', message, { model, field, hint });
      const encrypted =
        known !== undefined && Object.hasOwn(known.encrypted, field) ? known.encrypted[field] : undefined;
      if (encrypted?.mode !== 'migrating')
        throw refused(
          'a field with readers is not being migrated',
          'Give it mode: migrating, or leave its readers out.',
        );
      if (readers.length === 0) throw refused('a field has no reader', 'Give it one, or leave it out.');
      if (search === undefined) continue;
      const column =
        known !== undefined && Object.hasOwn(known.fields, search.column) ? known.fields[search.column] : undefined;
      const ours =
        known !== undefined &&
        (Object.hasOwn(known.indexes, search.column) || Object.hasOwn(known.encrypted, search.column));
      if (column !== 'String' || ours || encrypted.type !== 'String' || encrypted.column !== 'String')
        throw refused(
          'the column of hashes is no plain text, or the field is none',
          'Name the field that holds the hashes of a text.',
        );
    }
  }
}
