import type { FieldCount } from './events.ts';
import type { FieldSpec } from './field-spec.ts';

/**
 * Counts the values of a batch by field. Batches hold the fields of a row in turn, so the field to come is guessed from the one before:
 * a comparison per value, where a map would cost more than a percent of the decryption.
 */
export function tally(batch: readonly { readonly spec: FieldSpec }[]): FieldCount[] {
  const specs: FieldSpec[] = [];
  const counts: number[] = [];
  let at = 0;
  for (const { spec } of batch) {
    if (specs[at] !== spec) {
      at = specs.indexOf(spec);
      if (at < 0) {
        at = specs.push(spec) - 1;
        counts.push(0);
      }
    }
    (counts[at] as number)++;
    at = at + 1 === specs.length ? 0 : at + 1;
  }
  return specs.map(({ model, field }, place) => ({ model, field, count: counts[place] as number }));
}

/** Length of all cells of a batch: bytes of Bytes columns, characters of others. */
export function sizeOf(cells: readonly unknown[]): number {
  let size = 0;
  for (const cell of cells) size += (cell as string | Uint8Array).length;
  return size;
}
