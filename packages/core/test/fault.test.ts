import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyring } from '../src/keyring/create-keyring.ts';
import { formatRawKey, generateRawKey } from '../src/keyring/key-text.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { rawKey } from '../src/keyring/slot.ts';
import { keyringFile } from '../src/keyring/storage.ts';
import { type CompiledCore, compileCore } from './compiled-core.ts';
import { codeOfPromise } from './error-code.ts';

const KEY = formatRawKey(generateRawKey());

let core: CompiledCore;
let program = '';
let folder = '';

beforeAll(async () => {
  core = await compileCore();
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-fault-'));
  program = await core.program(
    'writer.mjs',
    `import { keyringFile, openKeyring, rawKey } from '${core.url('index')}';
     const [path, count] = process.argv.slice(2);
     const keyring = await openKeyring({ storage: keyringFile(path), openers: [rawKey(process.env.FIELDSEAL_KEY)] });
     for (let added = 0; added < Number(count); added++) process.stdout.write((await keyring.addKey()) + '\\n');`,
  );
});

afterAll(async () => {
  await core.remove();
  await rm(folder, { recursive: true });
});

async function newKeyring(name: string): Promise<string> {
  const path = join(folder, name, 'keyring.json');
  const { keyring } = await createKeyring({ storage: keyringFile(path), openers: [rawKey(KEY)] });
  keyring.close();
  return path;
}

/** Ids of the DEKs in a keyring. */
async function keyIds(path: string): Promise<string[]> {
  const keyring = await openKeyring({ storage: keyringFile(path), openers: [rawKey(KEY)] });
  const view = await keyring.resolve('');
  keyring.close();
  return [...view.keys.keys()];
}

interface Writer {
  readonly process: ChildProcess;
  /** Key ids that it has reported as stored. */
  readonly reported: string[];
  readonly ended: Promise<number | null>;
}

function startWriter(path: string, count: number): Writer {
  const child = spawn(process.execPath, [program, path, String(count)], {
    env: { FIELDSEAL_KEY: KEY },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const reported: string[] = [];
  let line = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    reported.push(...lines);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  return { process: child, reported, ended };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('a keyring that several processes change at once', () => {
  it('loses nothing', async () => {
    const path = await newKeyring('shared');
    const writers = Array.from({ length: 4 }, () => startWriter(path, 6));
    expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
    const reported = writers.flatMap((writer) => writer.reported);
    const stored = await keyIds(path);
    expect(new Set(reported).size).toBe(24);
    expect(stored).toHaveLength(25);
    for (const keyId of reported) expect(stored).toContain(keyId);
    expect(await readdir(join(folder, 'shared'))).toEqual(['keyring.json']);
  });
});

describe('a writer that is killed', () => {
  it('leaves the keyring whole, and everything that it has reported, wherever it was', async () => {
    const path = await newKeyring('killed');
    let all: string[] = [];
    for (let round = 0; round < 8; round++) {
      const writer = startWriter(path, 1_000_000);
      await until(() => writer.reported.length > 0);
      await new Promise((resolve) => setTimeout(resolve, 3 * round));
      writer.process.kill('SIGKILL');
      expect(await writer.ended).toBeNull();
      await rm(`${path}.lock`, { force: true });
      all = [...all, ...writer.reported];
      const stored = await keyIds(path);
      for (const keyId of all) expect(stored).toContain(keyId);
    }
    expect(all.length).toBeGreaterThanOrEqual(8);
    for (const name of await readdir(join(folder, 'killed')))
      expect(name).toMatch(/^keyring\.json(\.[0-9a-f-]{36}\.tmp)?$/);
  });

  it('before it renamed: half a temporary file disturbs nobody', async () => {
    const path = await newKeyring('half');
    const text = await readFile(path, 'utf8');
    await writeFile(`${path}.0b7f6e2c-0000-4000-8000-000000000000.tmp`, text.slice(0, 100));
    expect(await keyIds(path)).toHaveLength(1);
    const keyring = await openKeyring({ storage: keyringFile(path), openers: [rawKey(KEY)] });
    await keyring.addKey();
    expect(await keyIds(path)).toHaveLength(2);
  });
});

describe('a keyring file', () => {
  it('that a power cut left empty or half written is refused, not taken for a new one', async () => {
    const path = await newKeyring('cut');
    const text = await readFile(path, 'utf8');
    for (const rest of ['', '\0'.repeat(100), text.slice(0, text.length / 2)]) {
      await writeFile(path, rest);
      expect(await codeOfPromise(openKeyring({ storage: keyringFile(path), openers: [rawKey(KEY)] }))).toBe(
        'ERR_KEYRING_DAMAGED',
      );
      expect(await codeOfPromise(createKeyring({ storage: keyringFile(path), openers: [rawKey(KEY)] }))).toBe(
        'ERR_KEYRING_EXISTS',
      );
    }
  });

  it('that was removed is reported, and not made again by a running process', async () => {
    const path = await newKeyring('removed');
    const keyring = await openKeyring({ storage: keyringFile(path), openers: [rawKey(KEY)] });
    await keyring.resolve('');
    await rm(path);
    expect(await codeOfPromise(keyring.addKey())).toBe('ERR_KEYRING_MISSING');
    expect(await readdir(join(folder, 'removed'))).toEqual([]);
    expect((await keyring.resolve('')).keys.size).toBe(1);
  });
});
