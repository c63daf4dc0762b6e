import type { openClinic } from '../clinic.ts';
import type { Database } from '../database.ts';
import type { PrismaClient } from '../generated/sqlite/client.ts';
import { count, plural, table } from '../screen.ts';
import { claim, type Step } from '../step.ts';

const PATIENTS = 100;
/** Shorter values could stand somewhere by chance. */
const SHORTEST = 8;

/** A search for plaintext in everything that the database stores; the plain twin shows that the search would find it. */
export const scan: Step = {
  name: 'scan',
  title: 'Search for plaintext in everything that the database stores',
  run: async ({ prisma, clinic, twin }) => {
    const encrypted = await search(clinic, prisma);
    const plain = await search(twin, twin.client);
    claim(encrypted.found === 0, 'the encrypted database holds no plaintext');
    claim(plain.found > 0.9 * plain.values, 'the search finds the plaintext of the twin');
    const lines = table(
      [
        ['', 'searched', 'values', 'found'],
        ...[
          { name: 'encrypted', ...encrypted },
          { name: 'plain twin', ...plain },
        ].map(({ name, parts, bytes, values, found }) => [
          name,
          `${parts.join(', ')} (${count(Math.ceil(bytes / 1024))} KiB)`,
          count(values),
          count(found),
        ]),
      ],
      [2, 3],
    );
    return {
      lines: [
        ...lines,
        `plaintext of ${plural(Math.min(PATIENTS, encrypted.patients), 'patient')} looked for, as UTF-8`,
      ],
      json: { encrypted, plain },
    };
  },
};

async function search(database: Database, client: ReturnType<typeof openClinic> | PrismaClient) {
  const db = client as PrismaClient;
  const patients = await db.patient.findMany({ take: PATIENTS, orderBy: { id: 'asc' }, include: { visits: true } });
  const practitioners = await db.practitioner.findMany();
  const secrets = [
    ...patients.flatMap(({ name, email, phone, address, notes }) => [name, email, phone, address, notes]),
    ...patients.flatMap(({ visits }) => visits.flatMap(({ reason, findings }) => [reason, findings])),
    ...practitioners.map(({ licence }) => licence),
  ];
  // What a plain column holds as well proves nothing: a patient may be called like a practitioner.
  const open = [
    ...(await db.patient.findMany({ select: { city: true } })).map(({ city }) => city),
    ...practitioners.flatMap(({ name, specialty }) => [name, specialty]),
  ].join('\n');
  const values = [...new Set(secrets)].filter(
    (value): value is string => value !== null && value.length >= SHORTEST && !open.includes(value),
  );
  const parts = await database.contents();
  const found = values.filter((value) => parts.some(({ bytes }) => bytes.includes(value))).length;
  const bytes = parts.reduce((sum, part) => sum + part.bytes.length, 0);
  return { parts: parts.map(({ name }) => name), bytes, patients: patients.length, values: values.length, found };
}
