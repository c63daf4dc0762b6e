import type { NewPerson } from './client.ts';
import { newPeople, newPerson } from './people.ts';
import type { Variant } from './variant.ts';

/** Rows of the table that is read; ids are 1 to this. */
export const READ_ROWS = 1000;
/** Rows of the table that is written and that stay; ids from 1. */
export const KEPT_ROWS = 200;

/** A query that is measured. `round` counts the calls, so that rows and values differ between them. */
export interface Operation {
  readonly name: string;
  /** Whether rows are left behind, which are deleted after each slice. */
  readonly grows: boolean;
  readonly run: (variant: Variant, people: readonly NewPerson[], round: number) => Promise<unknown>;
}

const idOf = (round: number, rows: number): number => 1 + ((round * 37) % rows);
const chunk = newPeople(100);

/** All of them, as the results name them. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: 'findUnique',
    grows: false,
    run: ({ client }, _people, round) => client.person.findUnique({ where: { id: idOf(round, READ_ROWS) } }),
  },
  {
    name: 'findMany 10',
    grows: false,
    run: ({ client }, _people, round) =>
      client.person.findMany({ where: { id: { gte: idOf(round, READ_ROWS - 10) } }, orderBy: { id: 'asc' }, take: 10 }),
  },
  { name: 'findMany 1000', grows: false, run: ({ client }) => client.person.findMany() },
  {
    name: 'lookup by index',
    grows: false,
    run: ({ client }, people, round) =>
      client.person.findFirst({ where: { email: (people[idOf(round, READ_ROWS) - 1] as NewPerson).email } }),
  },
  { name: 'create', grows: true, run: ({ client }) => client.entry.create({ data: newPerson() }) },
  { name: 'createMany 100', grows: true, run: ({ client }) => client.entry.createMany({ data: chunk }) },
  {
    name: 'update',
    grows: false,
    run: ({ client }, _people, round) =>
      client.entry.update({ where: { id: idOf(round, KEPT_ROWS) }, data: newPerson() }),
  },
];
