import type { JobField } from './row-source.ts';

/**
 * Whether a term is made of this field and of one that is being migrated: a `backfill` reads its cells, and writes none.
 *
 * @param at - place of the field
 */
export function isPartner(fields: readonly JobField[], at: number): boolean {
  const indexes = fields.flatMap((field) => field.indexes);
  return indexes.some(
    ({ sources }) => sources.includes(at) && sources.some((place) => fields[place]?.migrating === true),
  );
}
