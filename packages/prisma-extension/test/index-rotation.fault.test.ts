import { setTimeout } from 'node:timers/promises';
import { startMariadb, startPostgres } from '@fieldseal/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMariadb, openPostgres } from './differential/comparison.ts';
import { type Fleet, openFleet, type Process } from './rotation/fleet.ts';
import type { Row } from './search/fixture.ts';

/** What a race may end in: the value is taken, the row is gone, before its terms are written too, or the database ended a deadlock. */
const RACES: readonly unknown[] = ['P2002', 'P2025', 'P2003', 'P2034'];
const SLOW = process.env['SLOW'] !== undefined;
const WRITERS = SLOW ? 6 : 3;
/** Few, so that writers meet. */
const EMAILS = Array.from({ length: 6 }, (_, at) => `user${at}@x.org`);
/** Writes of each process before the next one learns of a step. */
const TURNS = SLOW ? 20 : 4;
const everyProcessKnows = true;

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  [postgres, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
}, 60_000);
afterAll(() => Promise.all([postgres.stop(), mariadb.stop()]));

/** Lists of terms on PostgreSQL, a table of them on MariaDB. */
const OPENERS = { postgresql: () => openPostgres(postgres), mysql: () => openMariadb(mariadb) } as const;

/** Numbers without end that look random and are the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** A process that writes without pause, and reads the keyring again between two transactions when it is told to. */
class Writer {
  readonly process: Process;
  readonly #next: (below: number) => number;
  readonly #name: string;
  #stopped = false;
  #learn: (() => void) | null = null;
  turns = 0;
  /** How many writes were taken, and how many refused as duplicates. */
  written = 0;
  refused = 0;

  constructor(own: Process, name: string, seed: number) {
    this.process = own;
    this.#name = name;
    this.#next = numbers(seed);
  }

  async run(): Promise<void> {
    for (let count = 0; !this.#stopped; count++) {
      await this.#write(`${this.#name}${count}`).then(
        () => this.written++,
        (error: unknown) => {
          const { code } = error as { readonly code?: unknown };
          if (!RACES.includes(code)) throw error;
          if (code === 'P2002') this.refused++;
        },
      );
      // All write it again and again: each finds what the others wrote, whatever the indexes go through.
      expect(await this.process.db.account.findUnique({ where: { email: 'anchor@x.org' } })).toMatchObject({
        id: 'anchor',
      });
      this.turns++;
      if (this.#learn !== null) {
        await this.process.learn();
        this.#learn();
        this.#learn = null;
      }
    }
  }

  /** Reads the keyring again behind the present transaction. */
  learn(): Promise<void> {
    return new Promise((resolve) => {
      this.#learn = resolve;
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  async #write(id: string): Promise<unknown> {
    const { account } = this.process.db;
    const email = EMAILS[this.#next(EMAILS.length)] as string;
    const other = EMAILS[this.#next(EMAILS.length)] as string;
    const name = this.#next(4) === 0 ? null : `Name ${id}`;
    const data = { tenant: 't', email: this.#next(2) === 0 ? email : email.toUpperCase(), name, age: 7 };
    switch (this.#next(6)) {
      case 0:
        return account.update({ where: { email: other }, data });
      case 1:
        return account.upsert({ where: { email }, update: { phone: id }, create: { id, ...data } });
      case 2:
        return account.delete({ where: { email } });
      case 3:
        return this.process.db.$transaction(async (tx: Process['db']) => {
          await tx.account.create({ data: { id, ...data } });
          await tx.account.count();
        });
      case 4: {
        const anchor = this.#next(2) === 0 ? 'anchor@x.org' : 'Anchor@x.org';
        return account.update({ where: { id: 'anchor' }, data: { email: anchor } });
      }
      default:
        return account.create({ data: { id, ...data } });
    }
  }
}

/** Emails that more than one row has, by their plaintext: terms are not trusted here. */
async function duplicates(reader: Process): Promise<string[]> {
  const rows = await reader.db.account.findMany({ select: { email: true } });
  const emails = rows.map(({ email }: Row) => String(email).toLowerCase());
  return emails.filter((email, at) => emails.indexOf(email) < at);
}

/** The n-grams that each row has, and those of its value. */
async function grams(
  { bare }: Fleet,
  { db }: Process,
): Promise<{ readonly held: unknown[]; readonly meant: unknown[] }> {
  const rows = await db.account.findMany({ orderBy: { id: 'asc' } });
  const tables = bare as unknown as Readonly<
    Record<string, { findMany(): Promise<{ accountId: string; term: string }[]> }>
  >;
  const beside = await tables['gram']?.findMany();
  const { $encryption: helpers } = db as unknown as { $encryption: { index(...of: unknown[]): Promise<unknown> } };
  const [held, meant]: [unknown[], unknown[]] = [[], []];
  for (const { id, name, nameGrams } of rows) {
    const own = beside?.filter(({ accountId }) => accountId === id).map(({ term }) => term) ?? nameGrams;
    held.push([id, [...(own as string[])].sort()]);
    meant.push([id, name === null ? [] : await helpers.index('Account', 'nameGrams', name)]);
  }
  return { held, meant };
}

describe.each(['postgresql', 'mysql'] as const)('on %s', (database) => {
  it('writers that race during rotations never make a duplicate, and always find what is there', async () => {
    const fleet = await openFleet(database, OPENERS[database]());
    const { keyring } = fleet;
    const reader = await fleet.process();
    await reader.db.account.create({ data: { id: 'anchor', tenant: 't', email: 'anchor@x.org' } });
    const writers: Writer[] = [];
    for (let at = 0; at < WRITERS; at++) writers.push(new Writer(await fleet.process(), `w${at}-`, 7 + at));
    let failed: unknown;
    const running = writers.map((writer) =>
      writer.run().catch((error: unknown) => {
        failed ??= error;
      }),
    );
    const check = async (): Promise<void> => {
      expect(failed).toBeUndefined();
      expect(await duplicates(reader)).toEqual([]);
    };
    /** A step reaches one process after another, with writes between them. */
    const spread = async (): Promise<void> => {
      await reader.learn();
      for (const writer of writers) {
        await Promise.race([writer.learn(), ...running]);
        const turns = writers.map((each) => each.turns + TURNS);
        while (failed === undefined && writers.some((each, at) => each.turns < (turns[at] as number)))
          await setTimeout(5);
        await check();
      }
    };
    /** Until nothing is left: writers of the step before may have come behind the job. */
    const fill = async (): Promise<void> => {
      while ((await fleet.fill()) > 0) await check();
      await check();
    };
    try {
      for (let rotation = 0; rotation < (SLOW ? 6 : 1); rotation++) {
        const { indexRoot } = await keyring.resolve('');
        const added = await keyring.addIndexRoot();
        await spread();
        await fill();
        await keyring.promoteIndexRoot(added, { rows: fleet.lacking(added, false), everyProcessKnows });
        await spread();
        await fill();
        await keyring.retireIndexRoot(indexRoot.keyId, { rows: fleet.lacking(added, true), everyProcessKnows });
        await spread();
        await fill();
      }
    } finally {
      for (const writer of writers) writer.stop();
      await Promise.all(running);
    }
    await check();
    const { held, meant } = await grams(fleet, await fleet.process());
    expect(held).toEqual(meant);
    await fleet.close();
    for (const { written, refused } of writers) {
      expect(written).toBeGreaterThan(0);
      expect(refused).toBeGreaterThan(0);
    }
  }, 600_000);
});
