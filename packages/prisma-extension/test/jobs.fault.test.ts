import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, formatRawKey, generateRawKey, type Keyring, keyringFile, rawKey } from '@fieldseal/core';
import { JobEngine, SqlJobStore } from '@fieldseal/core/jobs';
import { type PostgresService, startPostgres, startPostgresPair } from '@fieldseal/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lostRows, type Violation, violations, type Write } from './chaos/checker.ts';
import { Clinic } from './chaos/clinic.ts';
import { Died, type Moment, MUTANTS, type Mutant } from './chaos/mutants.ts';
import { type Program, workerProgram } from './chaos/program.ts';
import { Random } from './chaos/random.ts';
import { environmentOf, failover, gather, storm } from './chaos/storm.ts';

const SLOW = process.env['SLOW'] === '1';
const SEEDS = SLOW ? Array.from({ length: 100 }, (_, at) => at + 1) : [1];
const SIZE = SLOW
  ? { rows: 5000, corrupted: 50, faults: [8, 8] as const }
  : { rows: 1500, corrupted: 10, faults: [3, 1] as const };

let postgres: PostgresService;
let program: Program;
let folder: string;
let key: string;

beforeAll(async () => {
  [postgres, program] = await Promise.all([startPostgres(), workerProgram()]);
  folder = mkdtempSync(join(tmpdir(), 'fieldseal-chaos-'));
});
afterAll(async () => {
  program.remove();
  rmSync(folder, { recursive: true, force: true });
  await postgres.stop();
});

async function freshKeyring(name: string): Promise<Keyring> {
  const raw = generateRawKey();
  key = formatRawKey(raw);
  const { keyring } = await createKeyring({ storage: keyringFile(join(folder, name)), openers: [rawKey(raw)] });
  return keyring;
}

describe('a job in a storm', () => {
  it.each(SEEDS)('loses nothing (seed %i)', { timeout: 180_000 }, async (seed) => {
    rmSync(join(folder, 'keyring.json'), { force: true });
    const keyring = await freshKeyring('keyring.json');
    const env = environmentOf(folder, key);
    const { evidence, faults, writes } = await storm(seed, SIZE, postgres, { keyring, env }, program.path);
    expect({ found: violations(evidence), lost: lostRows(evidence), faults }).toEqual({ found: [], lost: [], faults });
    expect(faults).toHaveLength(SIZE.faults[0] + SIZE.faults[1]);
    expect(writes).toBeGreaterThan(0);
    expect(evidence.done).toBeGreaterThan(0);
    keyring.close();
  });

  it.each(SLOW ? SEEDS.slice(0, 20) : SEEDS)(
    'loses nothing when the database fails over to its standby (seed %i)',
    { timeout: 180_000 },
    async (seed) => {
      rmSync(join(folder, 'failover.json'), { force: true });
      const keyring = await freshKeyring('failover.json');
      const env = { ...environmentOf(folder, key), FIELDSEAL_KEYRING: join(folder, 'failover.json') };
      const pair = await startPostgresPair();
      try {
        const size = { ...SIZE, faults: [2, 1] as const };
        const kinds = [failover(pair)];
        const { evidence, faults, writes } = await storm(seed, size, pair, { keyring, env }, program.path, kinds);
        expect({ found: violations(evidence), lost: lostRows(evidence), faults }).toEqual({
          found: [],
          lost: [],
          faults,
        });
        expect(faults[0]).toMatch(/^failover: /);
        if (SLOW) process.stdout.write(`seed ${seed}: ${faults[0]}, ${writes} writes acknowledged\n`);
        expect(writes).toBeGreaterThan(0);
      } finally {
        await pair.stop();
        keyring.close();
      }
    },
  );

  it('sets damaged rows apart, and leaves them as they are', { timeout: 900_000 }, async () => {
    const [rows, damaged] = SLOW ? [100_000, 1000] : [400, 12];
    const { found, apart, done } = await damage(rows, damaged);
    expect({ found, apart, done }).toEqual({ found: [], apart: damaged, done: rows - damaged });
  });

  it('rotates three times, one after another', async () => {
    const { found, keyIds } = await chain();
    expect(found).toEqual([]);
    expect(keyIds.size).toBe(4);
  });
});

describe('the checker', () => {
  // Without anything that happens all scenarios are the same.
  const kept = MUTANTS.filter(
    ({ happens, dies }, at) => happens !== undefined || dies === true || at === MUTANTS.length - 1,
  );
  it.each(kept)('finds nothing where the promise is kept: $name', async (mutant) => {
    expect(await scenario(mutant, false)).toEqual([]);
  });

  it.each(MUTANTS)('catches: $name', async (mutant) => {
    expect(await scenario(mutant, true)).toContain(mutant.caughtAs);
  });
});

/** A table of which some rows are damaged, in many ways. */
async function damage(rows: number, damaged: number) {
  const keyring = await freshKeyring('damage.json');
  const clinic = await Clinic.open(await postgres.createDatabase(), keyring, rows);
  const random = new Random(rows);
  const ids = new Set<number>();
  while (ids.size < damaged) ids.add(random.below(rows));
  await clinic.corrupt([...ids]);
  const primary = await keyring.rotate();
  const { database, close } = await clinic.database('worker-damage');
  const engine = new JobEngine({ source: clinic.source(database), keys: keyring });
  const job = await engine.start({ kind: 'reencrypt', settings: { errorRows: damaged } });
  await engine.work(job);
  const { counts, quarantined } = await engine.status(job);
  const evidence = await gather(clinic, job, primary, [], counts.done);
  await close();
  await clinic.close();
  keyring.close();
  return { found: violations(evidence), apart: quarantined, done: counts.done };
}

/** Three generations of keys over the same rows. */
async function chain(): Promise<{ readonly found: readonly Violation[]; readonly keyIds: ReadonlySet<string> }> {
  const keyring = await freshKeyring('chain.json');
  const clinic = await Clinic.open(await postgres.createDatabase(), keyring, 300);
  const { database, close } = await clinic.database('worker-chain');
  const keyIds = new Set([(await keyring.resolve('')).primary.keyId]);
  const engine = new JobEngine({ source: clinic.source(database), keys: keyring });
  let job = '';
  let done = 0;
  for (let generation = 0; generation < 3; generation++) {
    keyIds.add(await keyring.rotate());
    job = await engine.start({ kind: 'reencrypt' });
    await engine.work(job);
    done += (await engine.status(job)).counts.done;
  }
  const { primary } = await keyring.resolve('');
  const evidence = await gather(clinic, job, primary.keyId, [], done);
  await close();
  await clinic.close();
  return { found: violations(evidence), keyIds };
}

/** A small run in which the worst happens at a known moment. */
async function scenario(mutant: Mutant, broken: boolean): Promise<readonly Violation[]> {
  const keyring = await freshKeyring(`${MUTANTS.indexOf(mutant)}-${broken}.json`);
  const clinic = await Clinic.open(await postgres.createDatabase(), keyring, 12);
  await clinic.corrupt([5]);
  const old = await keyring.resolve('');
  await keyring.rotate();
  const view = await keyring.resolve('');
  const writes = new Map<number, Write[]>();
  const own = await clinic.database('worker-first');
  const other = await clinic.database('worker-second');
  const source = clinic.source(own.database);
  let job = '';
  const moment: Moment = {
    write: async (id, which) => {
      const value = `written ${which}`;
      const [cell] = clinic.cells(which === 'new' ? view : old, [[id, value]]);
      await clinic.admin.query('UPDATE "Patient" SET email = $2 WHERE id = $1', [id, cell]);
      writes.set(id, [{ value, acknowledged: true }]);
    },
    takeOver: async () => {
      await clinic.admin.query('UPDATE fieldseal_job_chunk SET lease_until = 0');
      await new JobEngine({ source: clinic.source(other.database), keys: keyring }).work(job, { forMs: 10_000 });
    },
  };
  // What happens, happens between reading and writing: below whatever the mutant replaces.
  let batches = 0;
  const read: typeof source.read = async (...args) => {
    const rows = await source.read(...args);
    if (batches++ === (mutant.at ?? 0)) await mutant.happens?.(moment);
    return rows;
  };
  const store = new SqlJobStore(own.database);
  const parts = {
    source: Object.assign(Object.create(source) as typeof source, {
      read,
      swap: source.swap.bind(source),
      ranges: source.ranges.bind(source),
      census: source.census.bind(source),
      fingerprint: source.fingerprint.bind(source),
    }),
    store: store as InstanceType<typeof SqlJobStore>,
  };
  let died = false;
  const dying = new Proxy(parts.store, {
    get: (target, name) => {
      if (name === 'progress' && mutant.dies === true && !died)
        return async () => {
          died = true;
          throw new Died();
        };
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const whole = { source: parts.source, store: dying };
  const mutated = broken ? mutant.mutate(whole) : whole;
  const engine = new JobEngine({ ...mutated, keys: keyring, chunkRows: 4 });
  job = await engine.start({ kind: 'reencrypt' });
  await clinic.watchChunks();
  await engine.work(job).catch((error: unknown) => {
    if (!died) throw error;
  });
  if (died) {
    await clinic.admin.query('UPDATE fieldseal_job_chunk SET lease_until = 0');
    await engine.work(job);
  }
  const { counts } = await engine.status(job);
  const evidence = await gather(clinic, job, view.primary.keyId, [{ writes }], counts.done);
  await Promise.all([own.close(), other.close(), clinic.close()]);
  keyring.close();
  return violations(evidence);
}
