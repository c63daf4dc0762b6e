import { randomUUID } from 'node:crypto';
import type { PrismaClient } from '../generated/sqlite/client.ts';
import { table } from '../screen.ts';
import { claim, type Step } from '../step.ts';

const ROUNDS = 60;
const WARM_UP = 10;

/** Something to measure on a client. `key` is of a patient that exists. */
interface Operation {
  readonly name: string;
  run(client: PrismaClient, key: Key, made: string[]): Promise<unknown>;
}

interface Key {
  readonly id: string;
  readonly email: string;
}

const OPERATIONS: readonly Operation[] = [
  {
    name: 'create',
    run: (client, _, made) => {
      const id = randomUUID();
      made.push(id);
      const contact = {
        name: 'Grace Example',
        email: `${id}@example.com`,
        phone: '+1 (555) 010-0000',
        address: '1 Example Street, 00000',
      };
      return client.patient.create({ data: { id, ...contact, notes: 'Made to measure the time.', city: 'Example' } });
    },
  },
  { name: 'findUnique by id', run: (client, { id }) => client.patient.findUnique({ where: { id } }) },
  { name: 'findUnique by e-mail', run: (client, { email }) => client.patient.findUnique({ where: { email } }) },
  { name: 'findMany, take 100', run: (client) => client.patient.findMany({ take: 100 }) },
];

/** The same operations on the encrypted database and on its plain twin, in turns. */
export const timing: Step = {
  name: 'timing',
  title: 'Time per operation in ms (median), beside a plain client on its own tables',
  run: async ({ prisma, twin }) => {
    const sides = [
      { client: prisma as unknown as PrismaClient, made: [] as string[] },
      { client: twin.client, made: [] as string[] },
    ] as const;
    const keys = await Promise.all(
      sides.map(async ({ client }) =>
        claim(await client.patient.findFirst({ orderBy: { id: 'asc' } }), 'there is a patient'),
      ),
    );
    const times: { operation: string; encryptedMs: number; plainMs: number; ratio: number }[] = [];
    for (const { name, run } of OPERATIONS) {
      const measured: number[][] = sides.map(() => []);
      for (let round = -WARM_UP; round < ROUNDS; round++) {
        // Whoever comes second finds warmer caches, so the two take turns at that as well.
        for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
          const { client, made } = sides[side as 0 | 1];
          const started = performance.now();
          await run(client, keys[side] as Key, made);
          if (round >= 0) measured[side]?.push(performance.now() - started);
        }
      }
      const [encryptedMs = Number.NaN, plainMs = Number.NaN] = measured.map(median);
      times.push({ operation: name, encryptedMs, plainMs, ratio: encryptedMs / plainMs });
    }
    for (const { client, made } of sides) await client.patient.deleteMany({ where: { id: { in: made } } });
    const lines = table(
      [
        ['', 'encrypted', 'plain', 'ratio'],
        ...times.map(({ operation, encryptedMs, plainMs, ratio }) => [
          operation,
          encryptedMs.toFixed(2),
          plainMs.toFixed(2),
          `${ratio.toFixed(2)}×`,
        ]),
      ],
      [1, 2, 3],
    );
    return { lines, json: { rounds: ROUNDS, times } };
  },
};

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
