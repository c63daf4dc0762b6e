import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pgClient } from '@fieldseal/core';
import { type PostgresService, postgresPool, startPostgres } from '@fieldseal/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BACKUP_TABLE,
  type BackupTarget,
  folderTarget,
  type ObjectStore,
  objectTarget,
  sqlTarget,
} from '../src/index.ts';

/** An object store in memory: the interface is ours, and so is the implementation that stands for a few lines over a client. */
function memoryObjects(): ObjectStore {
  const objects = new Map<string, Buffer>();
  return {
    list: async (prefix) => [...objects.keys()].filter((key) => key.startsWith(prefix)),
    put: async (key, content) => objects.set(key, Buffer.concat(await all(content))),
    get: async (key) => {
      const found = objects.get(key);
      if (found === undefined) throw new Error('NoSuchKey');
      return (async function* () {
        yield found;
      })();
    },
    delete: async (key) => objects.delete(key),
  };
}

let folder = '';
let postgres: PostgresService;
let pool: ReturnType<typeof postgresPool>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-backup-'));
  postgres = await startPostgres();
  pool = postgresPool(await postgres.createDatabase());
  await pool.query(BACKUP_TABLE);
});
afterAll(async () => {
  await pool.end();
  await postgres.stop();
  await rm(folder, { recursive: true });
});

async function* parts(...list: readonly Uint8Array[]) {
  yield* list;
}
const all = async (content: AsyncIterable<Uint8Array>) => {
  const read: Uint8Array[] = [];
  for await (const part of content) read.push(part);
  return read;
};
const bytesOf = async (target: BackupTarget, name: string) => Buffer.concat(await all(target.read(name)));
const failure = expect.objectContaining({ code: 'ERR_BACKUP_TARGET' });

describe.each([
  ['a folder', () => folderTarget(join(folder, 'place'))],
  ['an object store', () => objectTarget(memoryObjects())],
  ['a table', () => sqlTarget(pgClient(pool))],
])('%s', (_, open) => {
  let target: BackupTarget;
  beforeAll(() => {
    target = open();
  });

  it('gives back what was written, in pieces of any size, and lists it', async () => {
    const large = Buffer.alloc(700_001, 'fieldseal');
    await target.write('b', parts(large.subarray(0, 1), large.subarray(1, 300_000), large.subarray(300_000)));
    await target.write('a', parts(Buffer.from('small')));
    expect(await target.list()).toEqual(['a', 'b']);
    expect((await bytesOf(target, 'b')).equals(large)).toBe(true);
    expect((await bytesOf(target, 'a')).toString()).toBe('small');
  });

  it('leaves nothing of a file whose content fails half-way', async () => {
    const broken = async function* () {
      yield Buffer.alloc(400_000);
      throw new Error('the source failed');
    };
    await expect(target.write('c', broken())).rejects.toEqual(failure);
    expect(await target.list()).toEqual(['a', 'b']);
    await expect(bytesOf(target, 'c')).rejects.toEqual(failure);
  });

  it('removes, also what is not there', async () => {
    await target.remove('b');
    await target.remove('b');
    expect(await target.list()).toEqual(['a']);
    await expect(bytesOf(target, 'b')).rejects.toEqual(failure);
  });
});

it('a folder that is not there is empty, and one that cannot be written to is told', async () => {
  expect(await folderTarget(join(folder, 'none')).list()).toEqual([]);
  await writeFile(join(folder, 'file'), '');
  await expect(folderTarget(join(folder, 'file', 'place')).write('a', parts())).rejects.toEqual(failure);
});
