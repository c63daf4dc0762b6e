import { randomBytes } from 'node:crypto';
import { toHex } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import { DATABASE_NOW } from './database-clock.ts';
import { databaseError } from './database-error.ts';
import { prepareInstances } from './instance-table.ts';
import { changeRows, type RawSql, raw, type SqlDatabase, type SqlDialect, sql } from './sql.ts';

/** How often an instance tells that it lives, in ms. */
const BEAT_MS = 5000;
/** Rows of instances that have been gone for so long are removed, in ms. */
const FORGOTTEN_MS = 24 * 60 * 60 * 1000;

const UPDATE: Readonly<Record<SqlDialect, RawSql>> = {
  postgresql: raw(
    'ON CONFLICT (keyring, id) DO UPDATE SET generation = excluded.generation, seen_at = excluded.seen_at',
  ),
  mysql: raw('ON DUPLICATE KEY UPDATE generation = VALUES(generation), seen_at = VALUES(seen_at)'),
  sqlite: raw('ON CONFLICT (keyring, id) DO UPDATE SET generation = excluded.generation, seen_at = excluded.seen_at'),
};

/** What a heartbeat needs of a keyring. `describe` reads its storage again. */
export interface FleetKeyring {
  readonly id: string;
  readonly generation: number;
  describe(scopes: readonly string[]): Promise<unknown>;
}

/** Options of {@link Heartbeat}. */
export interface HeartbeatOptions {
  /** Where all instances of the application meet. */
  readonly database: SqlDatabase;
  readonly keyring: FleetKeyring;
  /** How often it beats, in ms; 5000 by default. A fleet counts an instance as live for several times as long. */
  readonly everyMs?: number;
  /** Told of a beat that failed. The next one comes at its time. */
  readonly failed?: (error: FieldsealError) => void;
}

/**
 * Tells the other instances of an application that this one lives, and which generation of the keyring it has read. Before each beat the keyring
 * is read again, so that what is acknowledged is in use.
 *
 * @example
 * ```ts
 * const heartbeat = new Heartbeat({ database: prismaDatabase(plain, 'postgresql'), keyring });
 * await heartbeat.start();      // before the first request is served
 * process.once('SIGTERM', () => heartbeat.stop());
 * ```
 */
export class Heartbeat {
  /** Names this instance; a restarted one is another. */
  readonly id: string = toHex(randomBytes(8));
  readonly #options: HeartbeatOptions;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | null = null;
  #busy = false;
  #beating: Promise<void> = Promise.resolve();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? BEAT_MS;
    if (!(this.#everyMs >= 100 && this.#everyMs <= 60_000))
      throw new FieldsealError('ERR_OPTIONS', 'everyMs is a number from 100 to 60000');
  }

  /**
   * Makes the table where it is missing, beats once, and goes on in the background, which keeps no process alive.
   *
   * @throws ERR_JOB_DATABASE and errors of the keyring from the first beat
   */
  async start(): Promise<void> {
    try {
      await prepareInstances(this.#options.database);
    } catch (error) {
      throw databaseError(error);
    }
    await this.beat();
    this.#timer ??= setInterval(() => this.#background(), this.#everyMs).unref();
  }

  /** One beat. Throws ERR_JOB_DATABASE, or what reading the keyring throws; then nothing was acknowledged. */
  async beat(): Promise<void> {
    const { database, keyring } = this.#options;
    await keyring.describe([]);
    const now = DATABASE_NOW[database.dialect];
    try {
      await changeRows(
        database,
        database.dialect,
        sql`INSERT INTO fieldseal_instance (keyring, id, generation, seen_at) VALUES (${keyring.id}, ${this.id}, ${raw(String(keyring.generation))}, ${now}) ${UPDATE[database.dialect]}`,
      );
      await changeRows(
        database,
        database.dialect,
        sql`DELETE FROM fieldseal_instance WHERE seen_at < ${now} - ${raw(String(FORGOTTEN_MS))}`,
      );
    } catch (error) {
      throw databaseError(error);
    }
  }

  /** Stops beating and takes the instance out of the fleet: call it when nothing is served any more. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#beating; // a beat that is under way would bring the row back
    const { database, keyring } = this.#options;
    try {
      await changeRows(
        database,
        database.dialect,
        sql`DELETE FROM fieldseal_instance WHERE keyring = ${keyring.id} AND id = ${this.id}`,
      );
    } catch (error) {
      throw databaseError(error);
    }
  }

  /** One at a time: a database that hangs must not gather beats. */
  #background(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#beating = this.beat()
      .catch((error: unknown) => this.#options.failed?.(error as FieldsealError))
      .finally(() => {
        this.#busy = false;
      });
  }
}
