import { afterEach, describe, expect, it, vi } from 'vitest';
import type { KeysetRecord } from '../src/key-store/keyset-record.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import { createKeyring } from '../src/keyring/create-keyring.ts';
import type { Keyring } from '../src/keyring/keyring.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import type { KeyringStorage } from '../src/keyring/storage.ts';
import { keyringMemory } from '../src/keyring/storage.ts';
import { codeOfPromise } from './error-code.ts';
import { storedText, type TestKeyring, testKeyring } from './test-keyring.ts';

function again({ storage, opener }: TestKeyring): Promise<Keyring> {
  return openKeyring({ storage, openers: [opener] });
}

async function keyIds(keyring: Keyring): Promise<string[]> {
  const [record] = (await keyring.describe()).keysets;
  return (record as KeysetRecord).data.versions.map(({ keyId }) => keyId);
}

/** A storage that counts how often it is read. */
function counting(): KeyringStorage & { reads: number } {
  const inner = keyringMemory();
  const storage = {
    ...inner,
    reads: 0,
    read: () => {
      storage.reads++;
      return inner.read();
    },
  };
  return storage;
}

describe('a view in use', () => {
  afterEach(() => {
    vi.useRealTimers();
  });
  const advance = (ms: number) => vi.advanceTimersByTime(ms);

  it('is read again after a minute without making anybody wait, so that an instance that only writes sees a new primary', async () => {
    const ring = await testKeyring();
    const other = await again(ring);
    const old = (await other.resolve('')).primary.keyId;
    const next = await ring.keyring.rotate();
    await ring.keyring.disable(old);
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    advance(59_000);
    expect(other.peek('')?.primary.keyId).toBe(old);
    await other.resolve('');
    expect(other.peek('')?.primary.keyId).toBe(old);
    advance(2_000);
    expect(other.peek('')?.primary.keyId).toBe(old);
    await vi.waitFor(() => expect(other.peek('')?.primary.keyId).toBe(next));
    expect(other.peek('')?.keys.has(old)).toBe(false);
  });

  it('is as old as the wall clock says where the monotonic one stood still, in a machine that slept', async () => {
    const ring = await testKeyring();
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 25 * 3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 20)); // the wall clock is read every ten milliseconds
    expect(ring.keyring.peek('')).toBeUndefined();
    expect((await ring.keyring.resolve('')).keys.size).toBe(1);
  });

  it('survives a storage that fails for a while, and is given up after a day', async () => {
    const inner = keyringMemory();
    let broken = false;
    const read = async () => {
      if (broken) throw new Error('storage is down');
      return inner.read();
    };
    const ring = await testKeyring({ storage: { ...inner, read } });
    const view = ring.keyring.peek('');
    broken = true;
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    advance(23 * 3_600_000);
    expect(ring.keyring.peek('')).toBe(view);
    advance(2 * 3_600_000);
    expect(ring.keyring.peek('')).toBeUndefined();
    await expect(ring.keyring.resolve('')).rejects.toThrow('storage is down');
    broken = false;
    const after = await ring.keyring.resolve('');
    expect(after.primary.keyId).toBe(view?.primary.keyId);
    expect(after.primary).not.toBe(view?.primary); // unwrapped anew: the age of a key ends, too
  });
});

describe('two keyrings over one storage', () => {
  it('see each other’s keys as soon as they are asked for them', async () => {
    const ring = await testKeyring();
    const other = await again(ring);
    const before = await other.resolve('');
    const added = await ring.keyring.addKey();
    expect(other.peek('', [added])).toBeUndefined();
    expect(other.peek('')).toBe(before);
    const after = await other.resolve('', [added]);
    expect(after.keys.has(added)).toBe(true);
    expect(after.keys.get(before.primary.keyId)).toBe(before.primary);
  });

  it('see each other’s disabled keys, too', async () => {
    const ring = await testKeyring();
    const old = (await ring.keyring.resolve('')).primary.keyId;
    const other = await again(ring);
    await other.resolve('');
    const next = await ring.keyring.rotate();
    await ring.keyring.disable(old);
    const view = await other.resolve('', [next]);
    expect([view.keys.has(old), view.statuses.get(old), view.primary.keyId]).toEqual([false, 'disabled', next]);
  });

  it('take no reading that a change overtook for an older keyring', async () => {
    const inner = keyringMemory();
    let reading = 0;
    const read = async () => {
      const text = await inner.read();
      if (++reading % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5)); // every second reading arrives late
      return text;
    };
    const ring = await testKeyring({ storage: { ...inner, read } });
    const work = Array.from({ length: 12 }, (_, at) =>
      at % 3 === 0 ? ring.keyring.addKey() : ring.keyring.describe(),
    );
    await Promise.all(work);
    expect((await keyIds(ring.keyring)).length).toBe(5);
  });

  it('refuse a keyring that was restored and went another way', async () => {
    const ring = await testKeyring();
    const backup = await storedText(ring.storage);
    await ring.keyring.rotate();
    await ring.storage.replace(await storedText(ring.storage), backup);
    const other = await again(ring);
    for (let at = 0; at < 2; at++) await other.addKey();
    expect(other.generation).toBe(ring.keyring.generation);
    expect(await codeOfPromise(ring.keyring.describe())).toBe('ERR_KEYRING_DAMAGED');
    await other.addKey();
    expect(await codeOfPromise(ring.keyring.describe())).toBe('ERR_KEYRING_DAMAGED');
  });

  it('lose no change when they change it together', async () => {
    const ring = await testKeyring();
    const rings = [ring.keyring, await again(ring), await again(ring)];
    const added = await Promise.all(rings.flatMap((keyring) => [keyring.addKey(), keyring.addKey()]));
    const ids = await keyIds(await again(ring));
    expect(ids).toHaveLength(7);
    for (const keyId of added) expect(ids).toContain(keyId);
  });

  it('count every change', async () => {
    const ring = await testKeyring();
    const other = await again(ring);
    const before = ring.keyring.generation;
    await Promise.all([ring.keyring.addKey(), other.addKey(), ring.keyring.addScope('acme'), other.addScope('other')]);
    expect((await (await again(ring)).describe()).generation).toBe(before + 4);
  });

  it('give up when others never stop, and say so', async () => {
    const ring = await testKeyring();
    const contended: KeyringStorage = { ...ring.storage, replace: async () => false };
    const other = await openKeyring({ storage: contended, openers: [ring.opener] });
    expect(await codeOfPromise(other.addKey())).toBe('ERR_KEYRING_BUSY');
  });

  it('give up when an outside key store is never free, and say so', async () => {
    const inner = memoryKeyStore();
    const ring = await testKeyring({ keyStore: inner });
    const keyStore = { load: inner.load, save: async () => false };
    const other = await openKeyring({ storage: ring.storage, openers: [ring.opener], keyStore });
    expect(await codeOfPromise(other.addKey())).toBe('ERR_KEYRING_BUSY');
  });
});

describe('resolve', () => {
  it('reads the storage once for many that ask together', async () => {
    const storage = counting();
    const ring = await testKeyring({ storage });
    const other = await again(ring);
    storage.reads = 0;
    const views = await Promise.all(Array.from({ length: 50 }, () => other.resolve('')));
    expect(storage.reads).toBe(1);
    expect(new Set(views).size).toBe(1);
  });

  it('reads it no more than twice when many ask together for what nobody has', async () => {
    const storage = counting();
    const ring = await testKeyring({ storage });
    const other = await again(ring);
    storage.reads = 0;
    await Promise.all(Array.from({ length: 50 }, () => other.resolve('', ['0123456789abcdef'])));
    expect(storage.reads).toBeLessThanOrEqual(2);
  });

  it('reads nothing for what it knows', async () => {
    const storage = counting();
    const { keyring } = await testKeyring({ storage });
    const view = await keyring.resolve('');
    storage.reads = 0;
    for (let count = 0; count < 100; count++) expect(await keyring.resolve('', [view.primary.keyId])).toBe(view);
    expect(storage.reads).toBe(0);
  });

  it('does not read again and again for an id that nobody has', async () => {
    const storage = counting();
    const { keyring } = await testKeyring({ storage });
    await keyring.resolve('');
    storage.reads = 0;
    for (let count = 0; count < 100; count++) {
      expect((await keyring.resolve('', ['0123456789abcdef'])).keys.has('0123456789abcdef')).toBe(false);
    }
    expect(storage.reads).toBe(1);
  });

  it('finds a key that was added while another id was being looked for', async () => {
    const ring = await testKeyring();
    const other = await again(ring);
    await other.resolve('');
    const looking = other.resolve('', ['0123456789abcdef']);
    const added = await ring.keyring.addKey();
    const [, view] = await Promise.all([looking, other.resolve('', [added])]);
    expect(view.keys.has(added)).toBe(true);
  });

  it('tries again after a failed reading', async () => {
    const ring = await testKeyring();
    let broken = true;
    const storage: KeyringStorage = {
      ...ring.storage,
      read: () => (broken ? Promise.reject(new Error('disk')) : ring.storage.read()),
    };
    broken = false;
    const other = await openKeyring({ storage, openers: [ring.opener] });
    broken = true;
    await expect(other.resolve('')).rejects.toThrow('disk');
    broken = false;
    expect((await other.resolve('')).keys.size).toBe(1);
  });
});

describe('a storage in which something else appears', () => {
  async function replaced(ring: TestKeyring, text: string | null): Promise<string> {
    let current: string | null = await storedText(ring.storage);
    const storage: KeyringStorage = { label: 'test', read: async () => current, replace: async () => true };
    const keyring = await openKeyring({ storage, openers: [ring.opener] });
    current = text;
    const code = await codeOfPromise(keyring.resolve(''));
    expect(keyring.peek('')).toBeUndefined();
    return code;
  }

  it('an older generation is refused', async () => {
    const ring = await testKeyring();
    const older = await storedText(ring.storage);
    await ring.keyring.addKey();
    expect(await replaced(ring, older)).toBe('ERR_KEYRING_DAMAGED');
  });

  it('another keyring is refused', async () => {
    const ring = await testKeyring();
    const storage = keyringMemory();
    await createKeyring({ storage, openers: [ring.opener] });
    expect(await replaced(ring, await storedText(storage))).toBe('ERR_KEYRING_DAMAGED');
  });

  it('nothing is reported as missing', async () => {
    expect(await replaced(await testKeyring(), null)).toBe('ERR_KEYRING_MISSING');
  });

  it('a newer generation is taken over', async () => {
    const ring = await testKeyring();
    const before = await storedText(ring.storage);
    await ring.keyring.addKey();
    const after = await storedText(ring.storage);
    let current = before;
    const storage: KeyringStorage = { label: 'test', read: async () => current, replace: async () => false };
    const other = await openKeyring({ storage, openers: [ring.opener] });
    expect((await other.resolve('')).keys.size).toBe(1);
    current = after;
    expect((await other.describe()).generation).toBe(ring.keyring.generation);
  });
});
