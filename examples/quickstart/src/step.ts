import type { Keyring } from '@fieldseal/core';
import type { Clinic } from './clinic.ts';
import type { Database, Databases } from './database.ts';

/** What the steps work with. */
export interface Tour extends Databases {
  /** The client with encryption, on the database `clinic`. */
  readonly prisma: Clinic;
  readonly keyring: Keyring;
}

/** What a step shows. */
export interface Shown {
  readonly lines: readonly string[];
  readonly json: object;
}

/** One thing that the tour shows. A step checks what it claims, and throws if it is not so. */
export interface Step {
  /** Member of the JSON object. */
  readonly name: string;
  readonly title: string;
  run(tour: Tour): Promise<Shown>;
}

/** Columns that hold cells, by table. */
export const ENCRYPTED_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  Patient: ['name', 'email', 'phone', 'address', 'notes'],
  Visit: ['reason', 'findings'],
  Practitioner: ['licence'],
};

/** Number of stored cells, or of those that start with `prefix`. */
export async function countCells({ client, table }: Database, prefix = 'fs1:'): Promise<number> {
  let cells = 0;
  for (const [name, columns] of Object.entries(ENCRYPTED_COLUMNS)) {
    // The columns are our own names, and the prefix is of base64url.
    const sums = columns.map(
      (column) => `COUNT(CASE WHEN substr("${column}", 1, ${prefix.length}) = '${prefix}' THEN 1 END) AS "${column}"`,
    );
    const [row = {}] = await client.$queryRawUnsafe<Record<string, bigint | number>[]>(
      `SELECT ${sums.join(', ')} FROM ${table(name)}`,
    );
    for (const value of Object.values(row)) cells += Number(value);
  }
  return cells;
}

/** A row as the database holds it. */
export async function storedRow(
  { client, table }: Database,
  name: string,
  id: string,
): Promise<Record<string, unknown>> {
  // Ids are UUIDs of our own making.
  const [row] = await client.$queryRawUnsafe<Record<string, unknown>[]>(
    `SELECT * FROM ${table(name)} WHERE "id" = '${id}'`,
  );
  return row ?? {};
}

/** The patient that the tour looks at: one with as many encrypted fields as there are. */
export async function anyPatient(prisma: Clinic) {
  const orderBy = { id: 'asc' } as const;
  const patient =
    (await prisma.patient.findFirst({ where: { phone: { not: null }, notes: { not: null } }, orderBy })) ??
    (await prisma.patient.findFirst({ orderBy }));
  return claim(patient, 'there is a patient');
}

/** The value, or an error if there is none. */
export function claim<T>(value: T | null | undefined | false, expected: string): T {
  if (value === null || value === undefined || value === false) throw new Error(`the tour expected that ${expected}`);
  return value;
}
