import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { environmentOpeners, keyringFile, openKeyring } from '@fieldseal/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Project, ROTATABLE_SCHEMA, sealed } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { fieldseal, parsed } from './harness.ts';

const PROGRAM = fileURLToPath(new URL('../bin/fieldseal.js', import.meta.url));
const SLOW = process.env['SLOW'] === '1';
const ROWS = SLOW ? 5000 : 600;
/** Kills, as shares of what a call takes that is left alone. The first comes before a program can have ended; whether the others do is the machine's. */
const KILLS = SLOW
  ? [0.02, 0.3, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
  : [0.02, 0.5, 0.65, 0.8, 0.95];

let project: Project;
let target: Target;
beforeAll(async () => {
  project = new Project();
  project.env['DATABASE_URL'] = `file:${project.folder}/test.db`;
  target = await openTarget('sqlite', project);
  project.schema(ROTATABLE_SCHEMA);
  await target.reset();
  await target.run('ALTER TABLE "patients" ADD COLUMN "email_next" TEXT');
  await target.run('CREATE UNIQUE INDEX "next_key" ON "patients" ("email_next")');
  const ours = await sealed(await project.keyring());
  const emails = Array.from({ length: ROWS }, (_, at) => `user${at}@x`);
  for (let from = 0; from < ROWS; from += 200)
    await target.run(
      `INSERT INTO "patients" ("patient_id", "email", "email_index") VALUES ${emails
        .slice(from, from + 200)
        .map((email) => `('${email}', '${ours.text(email)}', '${ours.term('email', email)}')`)
        .join(', ')}`,
    );
});
afterAll(async () => {
  await target.close();
  project.remove();
});

const status = async () => parsed(await fieldseal(['index', 'status', '--json'], project.env)) as { phase: string };

/** Calls `continue` in a process of its own, which dies by kill -9 after a time. Resolves to how long it ran, in ms. */
async function next(killAfterMs = Number.POSITIVE_INFINITY): Promise<{ readonly ms: number; readonly done: boolean }> {
  const started = performance.now();
  const child = spawn(process.execPath, [PROGRAM, 'index', 'rotate', 'continue', '--every-process-knows'], {
    env: { ...process.env, ...project.env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  if (killAfterMs !== Number.POSITIVE_INFINITY) await Promise.race([ended, pause(killAfterMs)]);
  if (killAfterMs !== Number.POSITIVE_INFINITY) child.kill('SIGKILL');
  const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  if (signal === null && code !== 0) throw new Error(`the program ended with ${code}`);
  // The lease of a chunk would be waited for by the next call.
  await target.run('UPDATE fieldseal_job_chunk SET lease_until = 0').catch(() => undefined);
  return { ms: performance.now() - started, done: signal === null };
}

/** Every row is found by what a search looks for now: a term of the primary root, or of the other one in the column that has its terms. */
async function everyRowIsFound(): Promise<void> {
  const openers = environmentOpeners(project.env);
  const keyring = await openKeyring({ storage: keyringFile(project.env['FIELDSEAL_KEYRING'] as string), openers });
  const { indexRoot } = await keyring.resolve('');
  const { term } = await sealed(keyring);
  const column = indexRoot.version % 2 === 1 ? 'email_index' : 'email_next';
  const stored = await target.rows(`SELECT "patient_id", "${column}" FROM "patients"`);
  const missed = stored.filter(([email, held]) => held !== term('email', String(email)));
  expect({ version: indexRoot.version, missed: missed.length }).toEqual({ version: indexRoot.version, missed: 0 });
  keyring.close();
}

it('a rotation whose program is killed again and again ends as one that is left alone, and rows are found throughout', {
  timeout: 600_000,
}, async () => {
  expect((await fieldseal(['index', 'rotate', 'start'], project.env)).code).toBe(0);
  await everyRowIsFound();
  let kills = 0;
  let whole = 1500;
  for (let calls = 0; (await status()).phase !== 'steady'; calls++) {
    if (calls > 60) throw new Error(`the rotation does not end: ${JSON.stringify(await status())}`);
    const share = KILLS[kills % KILLS.length];
    const attempt = calls % (KILLS.length + 1) === KILLS.length ? await next() : await next(whole * (share ?? 1));
    if (attempt.done) whole = Math.max(400, attempt.ms);
    else kills++;
    await everyRowIsFound();
  }
  expect(kills).toBeGreaterThan(0);
  expect(await status()).toMatchObject({
    versions: [2],
    columns: expect.arrayContaining([
      { column: 'Patient.emailIndex', version: null, filled: true, rows: ROWS },
      { column: 'Patient.emailNext', version: 2, filled: true, rows: ROWS },
    ]),
  });
});
