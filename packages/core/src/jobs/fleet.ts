import { FieldsealError } from '../errors.ts';
import { APPLICATION_SCOPE } from '../keyring/key-view.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { DATABASE_NOW } from './database-clock.ts';
import { databaseError } from './database-error.ts';
import { prepareInstances } from './instance-table.ts';
import type { RowSource } from './row-source.ts';
import { queryRows, type RawSql, raw, type SqlDatabase, type SqlDialect, selected, sql } from './sql.ts';
import { type Clock, PROCESS_CLOCK } from './throttle.ts';

/** How long an instance counts as live after its last beat, in ms: six beats. */
const LIVE_MS = 30_000;
/** How often a gate looks again, in ms. */
const LOOK_MS = 500;

const NUMBER: Readonly<Record<SqlDialect, string>> = { postgresql: 'text', mysql: 'char', sqlite: 'text' };

/** An instance that beats, or did. */
export interface FleetInstance {
  readonly id: string;
  /** Generation of the keyring that it acknowledged. */
  readonly generation: number;
  /** ms since its last beat, by the clock of the database. */
  readonly silentMs: number;
  readonly live: boolean;
}

/** Options of {@link Fleet}. */
export interface FleetOptions {
  /** How long an instance counts as live after its last beat, in ms; 30 000 by default. */
  readonly liveMs?: number;
  /** @internal Time, in tests. */
  readonly clock?: Clock;
}

/** Options of the gates. */
export interface GateOptions {
  /** Scope of the key; the whole application by default. */
  readonly scope?: string;
  /** How long to wait for instances that are behind, in ms; 0 by default. */
  readonly waitMs?: number;
}

/**
 * The instances of an application, and the gates that they hold: a key is promoted when all of them have it, and destroyed when none of them
 * writes under it and no cell is left.
 *
 * An instance is one that runs a Heartbeat. One that does not is not seen: give all of them one.
 */
export class Fleet {
  readonly #database: SqlDatabase;
  readonly #liveMs: number;
  readonly #clock: Clock;

  constructor(database: SqlDatabase, options: FleetOptions = {}) {
    this.#database = database;
    this.#liveMs = options.liveMs ?? LIVE_MS;
    this.#clock = options.clock ?? PROCESS_CLOCK;
    if (!(this.#liveMs >= 1000)) throw new FieldsealError('ERR_OPTIONS', 'liveMs is at least 1000');
  }

  /** Instances of a keyring, those that were seen last first. Throws ERR_JOB_DATABASE. */
  async instances(keyring: string): Promise<readonly FleetInstance[]> {
    const { dialect } = this.#database;
    const number = (expression: RawSql): RawSql => sql`CAST(${expression} AS ${raw(NUMBER[dialect])})`;
    const columns = selected([raw('id'), number(raw('generation')), number(sql`${DATABASE_NOW[dialect]} - seen_at`)]);
    try {
      await prepareInstances(this.#database);
      const rows = await queryRows(
        this.#database,
        dialect,
        sql`SELECT ${columns} FROM fieldseal_instance WHERE keyring = ${keyring} ORDER BY seen_at DESC, id`,
      );
      return rows.map(([id, generation, silent]) => {
        const silentMs = Math.max(0, Number(silent));
        return { id: String(id), generation: Number(generation), silentMs, live: silentMs < this.#liveMs };
      });
    } catch (error) {
      throw databaseError(error);
    }
  }

  /**
   * Waits until every live instance has acknowledged the keyring as it is now.
   *
   * @returns how many instances did
   * @throws ERR_FLEET_BEHIND when one has not in time, or none is live
   */
  async acknowledged(keyring: Keyring, waitMs = 0): Promise<number> {
    await keyring.describe([]);
    const { id, generation } = keyring;
    const until = this.#clock.now() + waitMs;
    for (;;) {
      const live = (await this.instances(id)).filter((instance) => instance.live);
      const behind = live.filter((instance) => instance.generation < generation);
      if (live.length > 0 && behind.length === 0) return live.length;
      const left = until - this.#clock.now();
      if (left <= 0) throw behindError(live.length, behind.length, generation);
      await this.#clock.sleep(Math.min(left, LOOK_MS));
    }
  }

  /**
   * Promotes a key once every live instance has acknowledged the keyring that holds it.
   *
   * @throws ERR_FLEET_BEHIND, after which nothing was changed; errors of `keyring.promote`
   */
  async promote(
    keyring: Keyring,
    keyId: string,
    { scope = APPLICATION_SCOPE, waitMs = 0 }: GateOptions = {},
  ): Promise<void> {
    await this.acknowledged(keyring, waitMs);
    await keyring.promote(keyId, scope);
  }

  /**
   * Destroys a disabled key for good: when its waiting time has passed, every live instance has acknowledged the keyring, so that none writes
   * under the key, and no cell under it is left in the rows.
   *
   * @param sources - rows of **all** models with encrypted fields; what is not counted is lost
   * @throws ERR_FLEET_BEHIND; ERR_KEY_STATUS when cells are left, the key is not disabled, or has to wait
   */
  async destroy(
    keyring: Keyring,
    keyId: string,
    sources: readonly RowSource[],
    { scope = APPLICATION_SCOPE, waitMs = 0 }: GateOptions = {},
  ): Promise<void> {
    if (sources.length === 0) throw new FieldsealError('ERR_OPTIONS', 'no rows are given to count', { keyId });
    await this.acknowledged(keyring, waitMs);
    let rows = 0;
    for (const source of sources) {
      const lines = await source.census(source.database).catch((error: unknown) => {
        throw databaseError(error);
      });
      // A cell that is damaged could be one under the key, and come back by a repair.
      for (const { key, values } of lines) if (key === keyId || key === 'damaged') rows += values;
    }
    if (rows > 0)
      throw new FieldsealError('ERR_KEY_STATUS', `${rows} values are under the key, or damaged`, {
        keyId,
        hint: 'Encrypt them again under the primary with `fieldseal rotate`, and mend or remove damaged ones.',
      });
    await keyring.destroy(keyId, { rows }, scope);
  }
}

function behindError(live: number, behind: number, generation: number): FieldsealError {
  if (live > 0)
    return new FieldsealError(
      'ERR_FLEET_BEHIND',
      `${behind} of ${live} live instances have not read generation ${generation} of the keyring`,
    );
  return new FieldsealError('ERR_FLEET_BEHIND', 'no live instance is known', {
    hint: 'Run a Heartbeat in every instance. Where there is one process only, promote without a fleet.',
  });
}
