import { SEARCH_KINDS, type SearchKind } from './kinds.ts';
import { type NewPatient, patientsFrom } from './patients.ts';

/** Runs a statement with parameters. */
type Execute = (sql: string, ...values: readonly string[]) => Promise<unknown>;

/** What the columns of a searched table hold for a patient, as JSON. */
export type StoredPatient = (kind: SearchKind, patient: NewPatient) => Promise<Readonly<Record<string, unknown>>>;

/** Rows per statement. */
const CHUNK = 5_000;

/**
 * Adds patients to the tables of all kinds, past the client: createMany would take most of an hour for a million rows of eight kinds.
 *
 * @param from - patients that the tables have
 * @param to - patients that they are to have
 * @param stored - what the client would store, made by its own helpers
 */
export async function fillTables(execute: Execute, from: number, to: number, stored: StoredPatient): Promise<void> {
  for (let start = from; start < to; start += CHUNK) {
    const patients = patientsFrom(start, Math.min(CHUNK, to - start));
    for (const kind of SEARCH_KINDS) {
      const rows = await Promise.all(patients.map((patient) => stored(kind, patient)));
      const columns = Object.keys(rows[0] ?? {}).map((column) => `"${column}"`);
      await execute(
        `INSERT INTO "${kind.table}" (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::"${kind.table}", $1::json)`,
        JSON.stringify(rows),
      );
    }
  }
}

/** What plain Prisma stores. */
export const plainPatient: StoredPatient = async (_, { name, born }) => ({ name, born: born.toISOString() });

/** What is used of `prisma.$encryption`, whose models are known by name only. */
export interface StoringHelpers {
  encrypt(model: string, field: string, value: unknown): Promise<unknown>;
  index(model: string, column: string, value: unknown): Promise<unknown>;
}

/** What the extended client stores: cells, and the terms of the kind. */
export function encryptedPatient(helpers: StoringHelpers): StoredPatient {
  return async ({ table, terms, of }, patient) => {
    const values = of.map((field) => patient[field]);
    const [name, born, stored] = await Promise.all([
      helpers.encrypt(table, 'name', patient.name),
      helpers.encrypt(table, 'born', patient.born),
      helpers.index(table, terms.column, values.length > 1 ? values : values[0]),
    ]);
    return { name, born, [terms.column]: stored };
  };
}
