import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AtomicFile } from '../src/atomic-file.ts';
import { codeOfPromise } from './error-code.ts';
import { withoutRootRights } from './unprivileged.ts';

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-file-'));
  await chmod(folder, 0o777);
  path = join(folder, 'one.json');
});

afterEach(async () => {
  await chmod(folder, 0o777);
  await rm(folder, { recursive: true });
});

describe('AtomicFile', () => {
  it('replaces what is expected only', async () => {
    const file = new AtomicFile(path);
    expect(await file.read()).toBeNull();
    expect(await file.replace('something', 'one')).toBe(false);
    expect(await file.read()).toBeNull();
    expect(await file.replace(null, 'one')).toBe(true);
    expect(await file.replace(null, 'two')).toBe(false);
    expect(await file.replace('one ', 'two')).toBe(false);
    expect(await file.read()).toBe('one');
    expect(await file.replace('one', 'ż')).toBe(true);
    expect(await readFile(path, 'utf8')).toBe('ż');
  });

  it('is readable by its owner only, and leaves nothing beside it', async () => {
    await new AtomicFile(path).replace(null, 'one');
    await new AtomicFile(path).replace('one', 'two');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['one.json']);
  });

  it('becomes private even where it was not', async () => {
    await writeFile(path, 'one', { mode: 0o644 });
    await new AtomicFile(path).replace('one', 'two');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('makes the folders that it needs', async () => {
    const deep = new AtomicFile(join(folder, 'a', 'b', 'one.json'));
    expect(await deep.replace(null, 'one')).toBe(true);
    expect(await deep.read()).toBe('one');
  });

  it('lets one of many writers win', async () => {
    const won = await Promise.all(
      Array.from({ length: 20 }, (_, at) => new AtomicFile(path).replace(null, String(at))),
    );
    expect(won.filter((one) => one)).toHaveLength(1);
    expect(await new AtomicFile(path).read()).toBe(String(won.indexOf(true)));
    expect(await readdir(folder)).toEqual(['one.json']);
  });

  it('is seen whole by every reader while it is replaced', async () => {
    const file = new AtomicFile(path);
    const contents = Array.from({ length: 30 }, (_, at) => `${at}`.repeat(50_000));
    await file.replace(null, contents[0] as string);
    let writing = true;
    const seen = new Set<string | null>();
    const reader = (async () => {
      while (writing) seen.add(await new AtomicFile(path).read());
    })();
    for (let at = 1; at < contents.length; at++)
      expect(await file.replace(contents[at - 1] as string, contents[at] as string)).toBe(true);
    writing = false;
    await reader;
    expect(seen.size).toBeGreaterThan(1);
    for (const content of seen) expect(contents).toContain(content);
  });
});

describe('a fault of the file system', () => {
  it('in reading is reported: a folder in its place, a file as its folder', async () => {
    await mkdir(path);
    expect(await codeOfPromise(new AtomicFile(path).read())).toBe('ERR_KEYRING_IO');
    await writeFile(join(folder, 'file'), '');
    expect(await codeOfPromise(new AtomicFile(join(folder, 'file', 'one.json')).read())).toBe('ERR_KEYRING_IO');
    await expect(new AtomicFile(path).read()).rejects.toThrow(/one\.json cannot be read \(EISDIR\)/);
  });

  it('in writing is reported, and leaves no lock', async () => {
    await mkdir(path);
    expect(await codeOfPromise(new AtomicFile(path).replace(null, 'one'))).toBe('ERR_KEYRING_IO');
    expect(await readdir(folder)).toEqual(['one.json']);
    await writeFile(join(folder, 'file'), '');
    expect(await codeOfPromise(new AtomicFile(join(folder, 'file', 'sub', 'one.json')).replace(null, 'one'))).toBe(
      'ERR_KEYRING_IO',
    );
    expect(await codeOfPromise(new AtomicFile(join(folder, 'x'.repeat(300))).replace(null, 'one'))).toBe(
      'ERR_KEYRING_IO',
    );
  });

  it('in making folders is reported, also where none can be made', async () => {
    expect(await codeOfPromise(new AtomicFile('/proc/fieldseal/one.json').replace(null, 'one'))).toBe('ERR_KEYRING_IO');
    expect(await codeOfPromise(new AtomicFile('/proc/fieldseal/a/b/one.json').replace(null, 'one'))).toBe(
      'ERR_KEYRING_IO',
    );
  });

  it('between lock and rename is reported, and leaves nothing behind', async () => {
    // Room for the name of the lock, and none for that of the temporary file.
    const tight = new AtomicFile(join(folder, 'x'.repeat(240)));
    expect(await codeOfPromise(tight.replace(null, 'one'))).toBe('ERR_KEYRING_IO');
    expect(await readdir(folder)).toEqual([]);
  });

  it('a file that may not be read', async () => {
    await writeFile(path, 'one');
    await chmod(path, 0o000);
    expect(await withoutRootRights(() => codeOfPromise(new AtomicFile(path).read()))).toBe('ERR_KEYRING_IO');
    expect(await withoutRootRights(() => codeOfPromise(new AtomicFile(path).replace('one', 'two')))).toBe(
      'ERR_KEYRING_IO',
    );
    expect((await readdir(folder)).sort()).toEqual(['one.json']);
  });

  it('a folder that may not be written: reading goes on', async () => {
    await writeFile(path, 'one', { mode: 0o644 });
    await chmod(folder, 0o555);
    expect(await withoutRootRights(() => new AtomicFile(path).read())).toBe('one');
    expect(await withoutRootRights(() => codeOfPromise(new AtomicFile(path).replace('one', 'two')))).toBe(
      'ERR_KEYRING_IO',
    );
    expect(await readFile(path, 'utf8')).toBe('one');
    await chmod(folder, 0o777);
  });

  it('a file that is too large to be one of ours', async () => {
    await writeFile(path, '');
    await truncate(path, 64 * 1024 * 1024 + 1);
    expect(await codeOfPromise(new AtomicFile(path).read())).toBe('ERR_KEYRING_IO');
  });

  it('a lock that was left behind: the writer waits, gives up, and names the file to remove', async () => {
    await writeFile(`${path}.lock`, '');
    const started = performance.now();
    const waiting = new AtomicFile(path).replace(null, 'one');
    await expect(waiting).rejects.toMatchObject({
      code: 'ERR_KEYRING_BUSY',
      message: expect.stringContaining(`remove ${path}.lock`),
    });
    expect(performance.now() - started).toBeGreaterThan(4000);
    expect((await readdir(folder)).sort()).toEqual(['one.json.lock']);
    await rm(`${path}.lock`);
    expect(await new AtomicFile(path).replace(null, 'one')).toBe(true);
  });

  it('a lock that is released in time does no harm', async () => {
    await writeFile(`${path}.lock`, '');
    const waiting = new AtomicFile(path).replace(null, 'one');
    setTimeout(() => void rm(`${path}.lock`), 100);
    expect(await waiting).toBe(true);
  });
});
