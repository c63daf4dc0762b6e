import type { KeyView } from '@fieldseal/core';
import pg from 'pg';
import type { Write } from './checker.ts';
import { type Clinic, urlAs } from './clinic.ts';
import type { Random } from './random.ts';

/** A part of the application: writes to rows of its own, as fast as it can, and remembers what it was told. */
export class Application {
  readonly writes: Map<number, Write[]> = new Map();
  readonly #clinic: Clinic;
  readonly #rows: readonly number[];
  readonly #view: KeyView;
  readonly #random: Random;
  readonly #name: string;
  #stopped = false;
  #acknowledged = 0;

  /** @param view - the keys that it knows; an old one stands for an instance that has not seen the new key */
  constructor(clinic: Clinic, name: string, rows: readonly number[], view: KeyView, random: Random) {
    this.#clinic = clinic;
    this.#name = name;
    this.#rows = rows;
    this.#view = view;
    this.#random = random;
  }

  /** Writes that were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Writes until it is stopped. */
  async run(): Promise<void> {
    let client: pg.Client | null = null;
    for (let count = 0; !this.#stopped; count++) {
      const id = this.#random.of(this.#rows);
      const value = `${this.#name} ${count}`;
      const [cell] = this.#clinic.cells(this.#view, [[id, value]]);
      const history = this.writes.get(id) ?? [];
      this.writes.set(id, history);
      try {
        client ??= await connected(urlAs(this.#clinic.url, this.#name));
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue; // nothing was sent
      }
      try {
        await client.query('UPDATE "Patient" SET email = $2, name = $3, "updatedAt" = now() WHERE id = $1', [
          id,
          cell,
          value,
        ]);
        history.push({ value, acknowledged: true });
        this.#acknowledged += 1;
      } catch {
        history.push({ value, acknowledged: false });
        client.end().catch(() => {});
        client = null;
      }
      // Not one write after another without rest: the workers and the test share two cores with it.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await client?.end().catch(() => {});
  }

  stop(): void {
    this.#stopped = true;
  }
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {}); // seen by the query that fails
  await client.connect();
  return client;
}
