import { asciiText } from '../micro/texts.ts';
import type { Delegate, NewPerson } from './client.ts';

/** Bytes of each of the three fields of a row. */
export const FIELD_BYTES = 40;

/** A row of three texts that no other row has. */
export function newPerson(): NewPerson {
  return { name: asciiText(FIELD_BYTES), email: asciiText(FIELD_BYTES), phone: asciiText(FIELD_BYTES) };
}

/** New rows. */
export function newPeople(count: number): NewPerson[] {
  return Array.from({ length: count }, newPerson);
}

/** Rows per statement of {@link seed}: SQLite takes 32766 parameters in one. */
const CHUNK = 1000;

/** Writes rows through a client, encrypted where the client encrypts. */
export async function seed(delegate: Delegate, people: readonly NewPerson[]): Promise<void> {
  for (let at = 0; at < people.length; at += CHUNK) await delegate.createMany({ data: people.slice(at, at + CHUNK) });
}
