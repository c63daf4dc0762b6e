import { spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileKeyStore, formatRawKey, generateRawKey, keyringFile, openKeyring } from '@fieldseal/core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createBackup, keyStoreSource, listBackups, restoreBackup, signingKey, verifyBackup } from '../src/index.ts';
import { type Program, workerProgram } from './kill/program.ts';
import { opening, openSandbox, type Sandbox } from './sandbox.ts';

let program: Program;
let sandbox: Sandbox;
let first = '';
let changesOf: Record<string, number>;
const signing = generateRawKey();
const at = (name: string) => join(sandbox.folder, name);

beforeAll(async () => {
  program = await workerProgram();
  sandbox = await openSandbox({
    storage: (folder) => keyringFile(join(folder, 'ring.json')),
  });
  sandbox = { ...sandbox, signer: signingKey(signing) };
  const keyStore = fileKeyStore(at('keys.json'));
  const keyring = await openKeyring({ storage: sandbox.storage, openers: sandbox.openers, keyStore });
  for (const scope of ['a', 'b']) await keyring.addScope(scope);
  keyring.close();
  first = (
    await createBackup({
      target: sandbox.target,
      keyring: sandbox.storage,
      recipients: [sandbox.recipient],
      signer: sandbox.signer,
      sources: [keyStoreSource(keyStore)],
    })
  ).name;
  cpSync(at('backups'), at('origin'), { recursive: true });
  changesOf = {};
  for (const work of ['create', 'restore', 'remove']) changesOf[work] = await changes(work);
}, 60_000);
afterAll(() => {
  program.remove();
  sandbox.remove();
});
beforeEach(() => {
  rmSync(at('backups'), { recursive: true, force: true });
  cpSync(at('origin'), at('backups'), { recursive: true });
  for (const file of readdirSync(sandbox.folder)) if (file.startsWith('new-')) rmSync(at(file), { force: true });
});

/** Runs the worker; gives the changes that it had left, or null when it was killed. */
async function run(work: string, killAt: number): Promise<number | null> {
  const restored = work === 'restore' ? 'new-' : '';
  const child = spawn(process.execPath, [program.path], {
    env: {
      WORK: work,
      KILL_AT: String(killAt),
      BACKUPS: at('backups'),
      KEYRING: at(`${restored}ring.json`),
      KEYS: at(`${restored}keys.json`),
      IDENTITY: sandbox.identity,
      RECIPIENT: sandbox.recipient,
      NAME: first,
      SIGNING: formatRawKey(signing),
      ROOT_KEY: sandbox.rawKeyText,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('close', (...ended) => resolve(ended));
    child.once('error', reject);
  });
  if (signal === 'SIGKILL') return null;
  expect(status).toBe(0);
  return Number(/changes left: (\d+)/.exec(text)?.[1]);
}

/** How many changes of the file system a kind of work makes. */
async function changes(work: string): Promise<number> {
  const left = await run(work, 1000);
  rmSync(at('backups'), { recursive: true, force: true });
  cpSync(at('origin'), at('backups'), { recursive: true });
  for (const file of readdirSync(sandbox.folder)) if (file.startsWith('new-')) rmSync(at(file), { force: true });
  return 1000 - (left as number);
}

/** Kills work before its changes: before all of them where `SLOW` is set, since a process takes a good part of a second to start. */
async function killed(work: string, chosen: readonly number[], check: (point: number) => Promise<void>): Promise<void> {
  const count = changesOf[work] as number;
  expect(count).toBeGreaterThan(2);
  const all = Array.from({ length: count }, (_, point) => point);
  for (const point of process.env['SLOW'] ? all : new Set(chosen.map((at) => all.at(at) as number))) {
    expect(await run(work, point)).toBe(null);
    await check(point);
  }
}

it('killed while it makes a backup: the one before stays, and there is a whole one more or none', async () => {
  // The last five write the signature.
  await killed('create', [3, -6, -5, -4, -2], async () => {
    const { backups } = await listBackups(sandbox.target);
    expect(backups[0]?.name).toBe(first);
    for (const { name } of backups)
      expect(await verifyBackup({ ...opening(sandbox), name, level: 2 })).toMatchObject({ faults: [] });
    const next = await createBackup({
      target: sandbox.target,
      keyring: sandbox.storage,
      recipients: [sandbox.recipient],
      signer: sandbox.signer,
    });
    expect(next.claim.sequence).toBe((backups.at(-1)?.sequence ?? 0) + 1);
  });
});

it('killed while it restores: the keyring is not there or whole, and a second run ends the work', async () => {
  await killed('restore', [1, 4, -3, -1], async () => {
    const keyring = keyringFile(at('new-ring.json'));
    if (existsSync(at('new-ring.json'))) {
      const keyStore = fileKeyStore(at('new-keys.json'));
      const opened = await openKeyring({ storage: keyring, openers: sandbox.openers, keyStore });
      opened.close();
      for (const scope of ['a', 'b']) await keyStore.load(scope); // whole records or none
    }
    const keyStore = fileKeyStore(at('new-keys.json'));
    await restoreBackup({ ...opening(sandbox), name: first, keyring, keyStore, apply: true });
    expect(readFileSync(at('new-ring.json'), 'utf8')).toBe(readFileSync(at('ring.json'), 'utf8'));
    for (const scope of ['a', 'b']) expect(await keyStore.load(scope)).not.toBe(null);
    for (const file of readdirSync(sandbox.folder)) if (file.startsWith('new-')) rmSync(at(file), { force: true });
  });
});

it('killed while it removes a backup: it is whole, or no backup any more', async () => {
  await killed('remove', [0, -2, -1], async () => {
    const { backups, unfinished } = await listBackups(sandbox.target);
    if (backups.length > 0)
      expect(await verifyBackup({ ...opening(sandbox), name: first, level: 1 })).toMatchObject({ faults: [] });
    else expect([[], [first]]).toContainEqual(unfinished);
    rmSync(at('backups'), { recursive: true, force: true });
    cpSync(at('origin'), at('backups'), { recursive: true });
  });
});
