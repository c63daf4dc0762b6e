import type { NewPatient } from './patients.ts';

/** A kind of search: the table that is made for it, and what it asks. */
export interface SearchKind {
  /** As the results name it. */
  readonly name: string;
  /** Model and table. */
  readonly table: string;
  readonly delegate: string;
  /** Column of terms with its type in PostgreSQL, and the index over it. */
  readonly terms: { readonly column: string; readonly type: string; readonly index: string };
  /** Fields that the terms are made of. */
  readonly of: readonly (keyof NewPatient)[];
  /** Index of the plain table that serves the same question; `trigram` needs an extension of PostgreSQL. */
  readonly plain: { readonly index: string; readonly trigram: boolean };
  /** A filter that finds this patient among others. */
  where(patient: NewPatient): object;
}

const TERM = { type: 'TEXT' };
const TERMS = { type: 'TEXT[]' };
const WEEK = 7 * 86_400_000;

/** Letters of a name that are asked for. */
const PART = 5;

const btree = (column: string): { column: string; type: string; index: string } => {
  return { column, ...TERM, index: `btree ("${column}")` };
};
const gin = (column: string): { column: string; type: string; index: string } => {
  return { column, ...TERMS, index: `gin ("${column}")` };
};
const byName = { index: 'btree ("name")', trigram: false };
const byTrigram = { index: 'gin ("name" gin_trgm_ops)', trigram: true };

/** All of them. Each has a table of its own: a field with several indexes would be searched by the best. */
export const SEARCH_KINDS: readonly SearchKind[] = [
  {
    name: 'equality',
    table: 'Equal',
    delegate: 'equal',
    terms: btree('nameIndex'),
    of: ['name'],
    plain: byName,
    where: ({ name }) => ({ name }),
  },
  {
    name: 'equality, 8 partitions',
    table: 'Spread',
    delegate: 'spread',
    terms: btree('nameIndex'),
    of: ['name'],
    plain: byName,
    where: ({ name }) => ({ name }),
  },
  {
    name: 'equality, 12 bits',
    table: 'Short',
    delegate: 'short',
    terms: btree('nameIndex'),
    of: ['name'],
    plain: byName,
    where: ({ name }) => ({ name }),
  },
  {
    name: 'two fields',
    table: 'Pair',
    delegate: 'pair',
    terms: btree('pairIndex'),
    of: ['name', 'born'],
    plain: { index: 'btree ("name", "born")', trigram: false },
    where: ({ name, born }) => ({ name, born }),
  },
  {
    name: 'startsWith',
    table: 'Starts',
    delegate: 'starts',
    terms: gin('nameStarts'),
    of: ['name'],
    plain: { index: 'btree ("name" text_pattern_ops)', trigram: false },
    where: ({ name }) => ({ name: { startsWith: name.slice(0, PART) } }),
  },
  {
    name: 'endsWith',
    table: 'Ends',
    delegate: 'ends',
    terms: gin('nameEnds'),
    of: ['name'],
    plain: byTrigram,
    where: ({ name }) => ({ name: { endsWith: name.slice(-PART) } }),
  },
  {
    name: 'contains',
    table: 'Parts',
    delegate: 'parts',
    terms: gin('nameParts'),
    of: ['name'],
    plain: byTrigram,
    where: ({ name }) => ({ name: { contains: name.slice(3, 3 + PART) } }),
  },
  {
    name: 'a week of dates',
    table: 'Between',
    delegate: 'between',
    terms: btree('bornMonth'),
    of: ['born'],
    plain: { index: 'btree ("born")', trigram: false },
    where: ({ born }) => ({ born: { gte: born, lt: new Date(born.getTime() + WEEK) } }),
  },
];
