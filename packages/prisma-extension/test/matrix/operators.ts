/**
 * Every operator of Prisma's filters, with whether an exact index can serve it, and the kinds of fields that they are tried on.
 *
 * @module
 */

/** What an operand is made of. */
type Operand = (value: unknown) => unknown;

/** How an operator is tried. */
export interface Operator {
  readonly operand: Operand;
  /** Whether equality of terms answers it. */
  readonly equality: boolean;
}

const value: Operand = (operand) => operand;
const list: Operand = (operand) => [operand];
const refused = (operand: Operand): Operator => ({ operand, equality: false });
const served = (operand: Operand): Operator => ({ operand, equality: true });

/** By name. A new operator of Prisma has to be put here, and is refused until it can be served. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  equals: served(value),
  not: served(value),
  in: served(list),
  notIn: served(list),
  mode: refused(() => 'insensitive'),
  lt: refused(value),
  lte: refused(value),
  gt: refused(value),
  gte: refused(value),
  contains: refused(value),
  startsWith: refused(value),
  endsWith: refused(value),
  search: refused(value),
  has: refused(value),
  hasEvery: refused(list),
  hasSome: refused(list),
  isEmpty: refused(() => true),
  path: refused(list),
  string_contains: refused(value),
  string_starts_with: refused(value),
  string_ends_with: refused(value),
  array_contains: refused(list),
  array_starts_with: refused(value),
  array_ends_with: refused(value),
};

/** Filters of a field by name: each operator alone, and the forms that nest, negate or combine them. */
export function filtersOf(operand: unknown): Record<string, { readonly filter: unknown; readonly equality: boolean }> {
  const single = Object.entries(OPERATORS).filter(([name]) => name !== 'mode');
  const forms = single.flatMap(([name, { operand: make, equality }]) => [
    [name, { filter: { [name]: make(operand) }, equality }],
    [`not ${name}`, { filter: { not: { [name]: make(operand) } }, equality }],
    [`equals and ${name}`, { filter: { equals: operand, [name]: make(operand) }, equality }],
  ]);
  return {
    ...(Object.fromEntries(forms) as Record<string, { filter: unknown; equality: boolean }>),
    implicit: { filter: operand, equality: true },
    'not not': { filter: { not: { not: operand } }, equality: true },
    'not null and in': { filter: { not: null, in: [operand] }, equality: true },
    'path and equals': { filter: { path: ['a'], equals: operand }, equality: false },
    'unknown operator': { filter: { like: operand }, equality: false },
    'a reference': { filter: { equals: reference('plain') }, equality: false },
    'a list of references': { filter: { in: [reference('plain')] }, equality: false },
    'an object': { filter: { equals: { set: operand } }, equality: false },
    'in without a list': { filter: { in: operand }, equality: false },
    'mode bogus': { filter: { equals: operand, mode: 'bogus' }, equality: false },
  };
}

/** A field reference as Prisma's client makes it. */
export function reference(name: string): object {
  return Object.assign(Object.create({ isReference: true }) as object, {
    modelName: 'Kind',
    name,
    typeName: 'String',
    isList: false,
    isEnum: false,
  });
}
