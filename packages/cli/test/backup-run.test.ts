import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { BackupEvent } from '@fieldseal/core';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Project } from './doctor-project.ts';
import { fieldseal, parsed } from './harness.ts';

let project: Project;
let recipient = '';
const events: BackupEvent[] = [];
const listen = (event: unknown): void => void events.push(event as BackupEvent);

beforeAll(async () => {
  project = new Project();
  (await project.keyring()).close();
  const { key } = parsed(await fieldseal(['backup', 'key', '--json']));
  project.env['FIELDSEAL_BACKUP_KEY'] = String(key);
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  project.write('identity.txt', `${identity}\n`);
});
beforeEach(() => {
  events.length = 0;
  subscribe('fieldseal:backup', listen);
});
afterEach(() => {
  unsubscribe('fieldseal:backup', listen);
  rmSync('fieldseal-backups', { recursive: true, force: true });
});
afterAll(() => project.remove());

const run = async (...argv: string[]) => {
  const outcome = await fieldseal(['backup', 'run', '--recipient', recipient, '--json', ...argv], project.env);
  const steps = outcome.stderr.split('\n').filter((line) => line.startsWith('{'));
  return { code: outcome.code, ...parsed(outcome), steps: steps.map((line) => JSON.parse(line) as { task: string }) };
};
const archives = () =>
  existsSync('fieldseal-backups') ? readdirSync('fieldseal-backups').filter((name) => name.endsWith('.age')) : [];

it('makes what is due, and nothing twice', async () => {
  expect(await run('--once')).toMatchObject({ code: 0, made: 1, failures: 0 });
  expect(await run('--once')).toMatchObject({ code: 0, made: 0 });
  expect(archives()).toHaveLength(1);
  expect(events).toMatchObject([{ action: 'create', kind: 'keyring', ok: true, bytes: expect.any(Number) }]);
  expect((await fieldseal(['keys', 'add'], project.env)).code).toBe(0);
  expect(await run('--once')).toMatchObject({ made: 1 });
  expect(archives()).toHaveLength(2);
  expect(await run('--once', '--every', '1s')).toMatchObject({ failures: 0 });
  // The newest one is of another keyring now.
  expect((await fieldseal(['init', '--keyring', 'second.json'], project.env)).code).toBe(0);
  const second = { ...project.env, FIELDSEAL_KEYRING: 'second.json' };
  const outcome = await fieldseal(['backup', 'run', '--recipient', recipient, '--once', '--json'], second);
  expect(parsed(outcome)).toMatchObject({ made: 1, failures: 0 });
});

it('practises restoring, keeps the evidence, and leaves metrics for a scraper', async () => {
  const drills = ['--drill-every', '24h', '--identity', 'identity.txt', '--evidence', 'drills'];
  const found = await run('--once', ...drills, '--metrics', 'backup.prom', '--prune');
  expect(found).toMatchObject({ code: 0, made: 1, failures: 0, recoverySeconds: expect.any(Number) });
  const [evidence] = readdirSync('drills');
  expect(JSON.parse(readFileSync(`drills/${evidence}`, 'utf8'))).toMatchObject({ level: 2, faults: [] });
  const text = readFileSync('backup.prom', 'utf8');
  for (const name of ['last_success_seconds', 'last_verified_seconds', 'last_drill_seconds', 'size_bytes'])
    expect(text).toMatch(new RegExp(`^fieldseal_backup_${name}\\{kind="keyring"\\} [1-9]`, 'm'));
  expect(found.steps.map(({ task }) => task)).toEqual(['create', 'prune', 'drill']);
  expect(events.map(({ action, ok }) => `${action} ${ok}`)).toEqual(['create true', 'verify true', 'drill true']);
});

it('drills alone, where another machine makes the backups, and says when one fails', async () => {
  await run('--once');
  const only = ['--once', '--no-create', '--drill-every', '1h', '--identity', 'identity.txt'];
  expect(await run(...only)).toMatchObject({ code: 0, made: 0, recoverySeconds: expect.any(Number) });
  const [name] = archives();
  const path = `fieldseal-backups/${name}`;
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  writeFileSync(path, bytes, { mode: 0o600 });
  events.length = 0;
  expect(await run(...only)).toMatchObject({ code: 12, failures: 1, recoverySeconds: null });
  // Nobody knows what the newest backup holds: none is made over it unseen.
  expect(await run('--once')).toMatchObject({ code: 12, made: 0, failures: 1 });
});

it('runs until it is told to stop', async () => {
  const controller = new AbortController();
  const ended = fieldseal(['backup', 'run', '--recipient', recipient, '--json'], project.env, '', {
    stopping: () => controller.signal,
  });
  await expect.poll(archives, { timeout: 10_000 }).toHaveLength(1);
  controller.abort();
  expect((await ended).code).toBe(0);
});

it.each([
  ['no recipient', ['--once'], false],
  ['nothing to do', ['--no-create'], true],
  ['a drill without an identity', ['--drill-every', '1h'], true],
  ['pruning without an identity', ['--prune'], true],
  ['a file of recipients that is missing', ['--once', '--recipients-file', 'nope.txt'], true],
  ['metrics that no scraper reads', ['--once', '--metrics', 'backup.txt'], true],
  ['metrics in a folder that is missing', ['--once', '--metrics', 'nowhere/backup.prom'], true],
  ['a time that is none', ['--every', 'often'], true],
  ['a time of nothing', ['--every', '1ms', '--once'], true],
])('refuses %s', async (_, argv, named) => {
  const to = named ? ['--recipient', recipient] : [];
  const { code } = await fieldseal(['backup', 'run', ...to, ...argv], project.env);
  expect([1, 2, 6]).toContain(code);
  expect(archives()).toEqual([]);
});
