import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AtomicFile } from '../src/atomic-file.ts';
import { FileLock } from '../src/file-lock.ts';
import { codeOfPromise } from './error-code.ts';

let folder = '';
let lockPath = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-lock-'));
  lockPath = join(folder, 'one.json.lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Pid of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ['-e', '']).pid;
const lockOf = (pid: number, host = hostname()) => JSON.stringify({ host, pid, token: 'x' });

describe('FileLock', () => {
  it('has one holder at a time', async () => {
    let holders = 0;
    const most: number[] = [];
    const hold = async () => {
      const lock = await FileLock.acquire(lockPath);
      most.push(++holders);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await lock?.held()).toBe(true);
      holders--;
      await lock?.release();
    };
    await Promise.all(Array.from({ length: 20 }, hold));
    expect(most).toEqual(Array.from({ length: 20 }, () => 1));
    expect(await readdir(folder)).toEqual([]);
  });

  // One that removed another's new lock in place of the dead one did so in one try of five.
  it('is taken over from a process of this host that is gone, by one of many', async () => {
    const dead = lockOf(deadPid());
    for (let round = 0; round < 10; round++) {
      await writeFile(lockPath, dead);
      const locks = Array.from({ length: 10 }, async () => {
        const lock = await FileLock.acquire(lockPath);
        expect(await lock?.held()).toBe(true);
        await lock?.release();
      });
      await Promise.all(locks);
      expect(await readdir(folder)).toEqual([]);
    }
  });

  it('is taken over though a process was killed as it took it over', async () => {
    await writeFile(lockPath, lockOf(deadPid()));
    const turn = `${lockPath}.takeover`;
    await writeFile(turn, '');
    const waiting = FileLock.acquire(lockPath);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await readdir(folder)).toHaveLength(2);
    const old = new Date(Date.now() - 6 * 60_000);
    await utimes(turn, old, old);
    const lock = await waiting;
    expect(await lock?.held()).toBe(true);
    expect(await readdir(folder)).toEqual(['one.json.lock']);
  });

  it.each([
    ['of another host', () => lockOf(1, 'another.host')],
    ['that is cut off', () => '{"host'],
  ])('%s is taken over after five minutes only', async (_, content) => {
    await writeFile(lockPath, content());
    const waiting = FileLock.acquire(lockPath);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await readFile(lockPath, 'utf8')).toBe(content());
    const old = new Date(Date.now() - 6 * 60_000);
    await utimes(lockPath, old, old);
    const lock = await waiting;
    expect(await lock?.held()).toBe(true);
  });

  it('of a living process is waited for, and not removed by whoever lost it', async () => {
    const lock = await FileLock.acquire(lockPath);
    await writeFile(lockPath, lockOf(process.pid));
    expect(await lock?.held()).toBe(false);
    await lock?.release();
    expect(await readFile(lockPath, 'utf8')).toBe(lockOf(process.pid));
    expect(await codeOfPromise(new AtomicFile(join(folder, 'one.json')).replace(null, 'one'))).toBe('ERR_KEYRING_BUSY');
    expect(await readdir(folder)).toEqual(['one.json.lock']);
  });
});

describe('AtomicFile', () => {
  it('goes on after a writer that was killed: its lock and its temporary file are removed', async () => {
    const path = join(folder, 'one.json');
    await writeFile(path, 'one');
    await writeFile(lockPath, lockOf(deadPid()));
    await writeFile(`${path}.0000.tmp`, 'half');
    await writeFile(join(folder, 'other.json.1.tmp'), 'not ours');
    expect(await new AtomicFile(path).replace('one', 'two')).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['one.json', 'other.json.1.tmp']);
  });

  it('changes the file behind a symbolic link', async () => {
    const path = join(folder, 'real.json');
    await writeFile(path, 'one');
    await symlink(path, join(folder, 'link.json'));
    expect(await new AtomicFile(join(folder, 'link.json')).replace('one', 'two')).toBe(true);
    expect(await readFile(path, 'utf8')).toBe('two');
    expect(await new AtomicFile(join(folder, 'link.json')).read()).toBe('two');
  });
});
