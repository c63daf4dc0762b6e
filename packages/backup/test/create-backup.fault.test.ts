import { readdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeyring, fileKeyStore, generateRawKey, keyringMemory, memoryKeyStore, rawKey } from '@fieldseal/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BackupSource, type BackupTarget, createBackup, keyStoreSource, listBackups } from '../src/index.ts';
import { code, making, openSandbox, type Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(async () => {
  sandbox = await openSandbox();
  process.on('unhandledRejection', note).on('uncaughtExceptionMonitor', note);
});
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve)); // rejections that nobody handles are told then
  process.off('unhandledRejection', note).off('uncaughtExceptionMonitor', note);
  expect(unhandled.splice(0)).toEqual([]);
  sandbox.remove();
});

/** A source of `count` entries of 1 MiB that tells whether it was closed. */
function source(count: number, failAt = -1): BackupSource & { closed: boolean; made: number } {
  const it = {
    closed: false,
    made: 0,
    entries: async function* () {
      try {
        for (let at = 0; at < count; at++) {
          if (at === failAt) throw new Error('the database is gone');
          it.made++;
          yield { name: `rows/Model/${at}.ndjson`, content: Buffer.alloc(1024 * 1024, at), count: 1 };
        }
      } finally {
        it.closed = true;
      }
    },
  };
  return it;
}

const nothingLeft = async () => {
  expect(await listBackups(sandbox.target)).toEqual({ backups: [], unfinished: [] });
  expect(await sandbox.target.list()).toEqual([]);
};

describe('a source that fails', () => {
  it.each([0, 1, 5])('at entry %d: its error comes out, and nothing is left', async (failAt) => {
    const failing = source(6, failAt);
    await expect(createBackup({ ...making(sandbox), sources: [failing] })).rejects.toThrow('the database is gone');
    expect(failing.closed).toBe(true);
    await nothingLeft();
  });

  it.each(['../escape', 'MANIFEST.json', 'keyring.json'])('by an entry called %s', async (name) => {
    const entries = async function* () {
      yield { name, content: Buffer.from('x'), count: 1 };
    };
    await expect(createBackup({ ...making(sandbox), sources: [{ entries }] })).rejects.toEqual(code('ERR_OPTIONS'));
    await nothingLeft();
  });
});

describe('a target that fails', () => {
  /** Takes so many bytes, then fails as a full disk does. */
  const full = (bytes: number): BackupTarget => ({
    ...sandbox.target,
    write: async (_, content) => {
      let taken = 0;
      for await (const part of content) {
        taken += part.length;
        if (taken > bytes) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      }
    },
  });

  it.each([0, 100_000, 3_000_000])('after %d bytes: the source is closed and nothing hangs', async (bytes) => {
    const open = source(1000);
    await expect(createBackup({ ...making(sandbox), target: full(bytes), sources: [open] })).rejects.toThrow(
      'no space left',
    );
    await expect.poll(() => open.closed || open.made === 0).toBe(true);
    expect(open.made).toBeLessThan(20);
    await nothingLeft();
  });

  it('before it takes anything', async () => {
    const target = { ...sandbox.target, write: async () => Promise.reject(new Error('forbidden')) };
    const open = source(1000);
    await expect(createBackup({ ...making(sandbox), target, sources: [open] })).rejects.toThrow('forbidden');
    expect(open.made).toBeLessThan(5);
  });

  it('by losing bytes, by giving others, and by keeping the signature from being written', async () => {
    const drops: BackupTarget = {
      ...sandbox.target,
      write: (name, content) => sandbox.target.write(name, name.endsWith('.age') ? withoutLast(content) : content),
    };
    await expect(createBackup({ ...making(sandbox), target: drops })).rejects.toEqual(code('ERR_BACKUP_DAMAGED'));
    const lies: BackupTarget = {
      ...sandbox.target,
      read: async function* (name) {
        for await (const part of sandbox.target.read(name)) yield Buffer.from(part).fill(0, 0, 1);
      },
    };
    await expect(createBackup({ ...making(sandbox), target: lies })).rejects.toEqual(code('ERR_BACKUP_DAMAGED'));
    const unsigned: BackupTarget = {
      ...sandbox.target,
      write: async (name, content) => {
        if (name.endsWith('.minisig')) throw new Error('forbidden');
        await sandbox.target.write(name, content);
      },
    };
    await expect(createBackup({ ...making(sandbox), target: unsigned })).rejects.toThrow('forbidden');
    await nothingLeft();
  });

  it('because a folder stands where the file goes', async () => {
    await mkdir(join(sandbox.folder, 'backups'), { recursive: true });
    const target: BackupTarget = {
      ...sandbox.target,
      write: async (name, content) => {
        await mkdir(join(sandbox.folder, 'backups', name, 'in the way'), { recursive: true });
        await sandbox.target.write(name, content);
      },
    };
    await expect(createBackup({ ...making(sandbox), target })).rejects.toEqual(code('ERR_BACKUP_TARGET'));
    expect(readdirSync(join(sandbox.folder, 'backups')).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });
});

describe('refuses before anything is read or written', () => {
  const untouched = (): BackupSource => ({
    entries: () => {
      throw new Error('the source was asked');
    },
  });
  it.each([
    ['no recipient', { recipients: [] }, 'ERR_BACKUP_RECIPIENT'],
    ['a mistyped recipient', { recipients: ['age1qqqq'] }, 'ERR_BACKUP_RECIPIENT'],
    ['no keyring', { keyring: keyringMemory() }, 'ERR_KEYRING_MISSING'],
    ['what is no keyring', { keyring: keyringMemory('{"id":1}') }, 'ERR_KEYRING_DAMAGED'],
  ])('%s', async (_, more, wanted) => {
    await expect(createBackup({ ...making(sandbox), sources: [untouched()], ...more })).rejects.toEqual(code(wanted));
    await nothingLeft();
  });

  it('a recipient that stands twice, and a post-quantum one beside `off`', async () => {
    const { recipient } = sandbox;
    for (const recipients of [[recipient, recipient], [`age1pq1${'q'.repeat(60)}`]])
      await expect(createBackup({ ...making(sandbox), recipients })).rejects.toEqual(code('ERR_BACKUP_RECIPIENT'));
    await expect(createBackup({ ...making(sandbox), pq: 'require' })).rejects.toEqual(code('ERR_BACKUP_RECIPIENT'));
  });

  it('a keyring that only a device or a service opens', async () => {
    const text = ((await sandbox.storage.read()) as string).replaceAll('"recoveryKey"', '"tpm"');
    await expect(createBackup({ ...making(sandbox), keyring: keyringMemory(text) })).rejects.toEqual(
      code('ERR_KEYRING_SLOT'),
    );
  });

  it('to go on behind a backup that another key signed', async () => {
    await createBackup(making(sandbox));
    const other = await openSandbox();
    await expect(createBackup({ ...making(sandbox), signer: other.signer })).rejects.toEqual(
      code('ERR_BACKUP_SIGNATURE'),
    );
    const earlier = [sandbox.signer.public];
    expect(await createBackup({ ...making(sandbox), signer: other.signer, earlier })).toMatchObject({
      claim: { sequence: 2 },
    });
    other.remove();
  });
});

it('a drill identity that does not open it leaves no backup', async () => {
  const other = await openSandbox();
  await expect(createBackup({ ...making(sandbox), drillIdentity: other.identity })).rejects.toEqual(
    code('ERR_BACKUP_LOCKED'),
  );
  other.remove();
  await nothingLeft();
});

describe('keyStoreSource', () => {
  it('takes keysets as they are stored, of the wanted scopes, and knows their keys', async () => {
    const keyStore = fileKeyStore(join(sandbox.folder, 'keys.json'));
    const { keyring } = await createKeyring({
      storage: keyringMemory(),
      openers: [rawKey(generateRawKey())],
      keyStore,
    });
    for (const scope of ['a', 'b', 'ü']) await keyring.addScope(scope);
    const part = keyStoreSource(keyStore, (scope) => scope === 'a' || scope === 'ü');
    const lines: unknown[] = [];
    for await (const { name, content, count } of part.entries()) {
      expect([name, count]).toEqual(['keysets/1.ndjson', 2]);
      lines.push(
        ...Buffer.from(content)
          .toString()
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
    }
    expect(lines).toEqual([await keyStore.load('a'), await keyStore.load('ü')]);
    const { keysets } = await keyring.describe(['a', 'ü']);
    const ids = keysets.flatMap(({ data, index }) => [...data.versions, ...index.versions].map(({ keyId }) => keyId));
    expect(Object.keys(part.keys?.() ?? {}).sort()).toEqual([...new Set(ids)].sort());
    keyring.close();
  });

  it('refuses a store that cannot list its scopes', () => {
    const { scopes: _, ...mute } = memoryKeyStore();
    expect(() => keyStoreSource(mute)).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  });
});

async function* withoutLast(content: AsyncIterable<Uint8Array>) {
  let last: Uint8Array | undefined;
  for await (const part of content) {
    if (last !== undefined) yield last;
    last = part;
  }
}
