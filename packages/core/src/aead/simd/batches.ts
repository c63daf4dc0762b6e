import { type Kernel, kernel } from './kernel.ts';
import { Records } from './records.ts';

/** Places of the items that fit, and of the others. */
export function divide<T>(
  items: readonly T[],
  fits: (item: T, place: number) => boolean,
): { readonly here: readonly number[]; readonly elsewhere: readonly number[] } {
  const here: number[] = [];
  const elsewhere: number[] = [];
  for (let place = 0; place < items.length; place++) (fits(items[place] as T, place) ? here : elsewhere).push(place);
  return { here, elsewhere };
}

/** The items at these places. */
export function pick<T>(items: readonly T[], places: readonly number[]): T[] {
  return places.map((place) => items[place] as T);
}

let records: Records | undefined;

/**
 * Works on items in batches that fit the memory of the kernel, which is wiped after each, whatever happens. Nothing else may use the memory
 * meanwhile: neither function may call code that is not ours.
 *
 * @param count - number of items, each of which fits an empty memory
 * @param put - lays out one item as one record; false when there is no room for it
 * @param run - works on the items `from` to `to - 1`, which are the records 0 to `to - from - 1`
 */
export function inBatches(
  count: number,
  put: (records: Records, memory: Kernel, item: number) => boolean,
  run: (records: Records, memory: Kernel, from: number, to: number) => void,
): void {
  if (count === 0) return;
  const memory = kernel();
  records ??= new Records(memory);
  for (let from = 0, to = 0; from < count; from = to) {
    try {
      while (to < count && put(records, memory, to)) to++;
      run(records, memory, from, to);
    } finally {
      records.wipe();
    }
  }
}
