import type { Keyring } from '@fieldseal/core';
import { encryption } from '@fieldseal/prisma';
import type { Database } from './database.ts';
import type { PrismaClient } from './generated/sqlite/client.ts';
import type { ClinicRows } from './person.ts';

/** The client that the application uses: it has the types of the plain one, and sees plaintext. */
export type Clinic = ReturnType<typeof openClinic>;

/** Encryption in one line. Keyring and schema are named here because the example shows both; by default both are found. */
export function openClinic({ client, schema }: Database, keyring: Keyring) {
  return client.$extends(encryption({ keyring, schema }));
}

const CHUNK = 500;

/** Stores all rows, or none. */
export async function storeRows(
  client: Clinic | PrismaClient,
  { practitioners, people, visits }: ClinicRows,
): Promise<void> {
  const db = client as Clinic;
  await db.$transaction([
    db.practitioner.createMany({ data: [...practitioners] }),
    ...chunks(people).map((data) => db.patient.createMany({ data })),
    ...chunks(visits).map((data) => db.visit.createMany({ data })),
  ]);
}

function chunks<T>(rows: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(rows.length / CHUNK) }, (_, at) => rows.slice(at * CHUNK, (at + 1) * CHUNK));
}
