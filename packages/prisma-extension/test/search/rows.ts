/**
 * Rows for the tests of searches.
 *
 * @module
 */
import type { Opened, Row } from './fixture.ts';

export const PEOPLE: readonly Row[] = [
  { id: 'ada', group: 1, name: 'Ada Lovelace', age: 36, city: 'London', code: 'c1', last: 'Lovelace', born: day(1815) },
  { id: 'alan', group: 1, name: 'Alan Turing', age: 41, city: 'London', code: 'c2', last: 'Turing', born: day(1912) },
  { id: 'bob', group: 2, name: 'bob_100%', age: -5, city: 'Paris', code: 'c1', last: 'Turing', born: day(2000) },
  { id: 'cy', group: 2, name: 'Łucja 𝒳 Ż', age: 100, city: null, code: null, last: null, born: null },
  { id: 'dan', group: 3, name: null, age: null, city: 'Paris', code: 'c9', last: 'Lovelace', born: null },
];

export function day(year: number): Date {
  return new Date(Date.UTC(year, 11, 10));
}

/** Replaces all rows by these, one by one. */
export async function fill({ bare, db }: Opened, rows: readonly Row[] = PEOPLE): Promise<void> {
  await bare.person.deleteMany();
  await bare.team.deleteMany();
  for (const data of rows) await db.person.create({ data });
}

/** Rows of no other meaning than their number, without terms that need a table. */
export const many = (count: number, more: (at: number) => Row = () => ({})): Row[] =>
  Array.from({ length: count }, (_, at) => ({ id: `p${String(at).padStart(5, '0')}`, group: at, ...more(at) }));

/** Fills the columns whose terms stand in the row itself, by one statement for many rows. */
export async function fillFlat({ bare, db }: Opened, rows: readonly Row[]): Promise<void> {
  await bare.person.deleteMany();
  for (let at = 0; at < rows.length; at += 200) {
    // createMany is refused for fields with a table of terms: none of them is given here.
    await db.person.createMany({ data: rows.slice(at, at + 200) });
  }
}
