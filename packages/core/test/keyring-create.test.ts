import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import type { KeyringEvent } from '../src/events.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import { addKek } from '../src/keyring/add-kek.ts';
import { createKeyring } from '../src/keyring/create-keyring.ts';
import { formatRecoveryKey, generateRawKey, generateRecoveryKey } from '../src/keyring/key-text.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { passphrase, rawKey, recoveryKey, type SlotOpener } from '../src/keyring/slot.ts';
import { type KeyringStorage, keyringMemory } from '../src/keyring/storage.ts';
import { XAES_256_GCM } from '../src/suite.ts';
import { codeOfPromise } from './error-code.ts';
import { storedDocument, storedText, testKeyring } from './test-keyring.ts';

const WORDS = 'correct horse battery';

describe('createKeyring', () => {
  it('makes one KEK, one DEK, one index root, and a recovery slot', async () => {
    const { keyring, storage, recovery } = await testKeyring();
    const { id, generation, slots, keks, keysets } = await storedDocument(storage);
    expect(slots.map(({ type }) => type)).toEqual(['rawKey', 'recoveryKey']);
    expect([id, generation, keks.length, keysets.length, recovery.length]).toEqual([
      keyring.id,
      keyring.generation,
      1,
      1,
      20,
    ]);
    expect(keysets[0]?.data.versions).toHaveLength(1);
    expect(keysets[0]?.index.versions).toHaveLength(1);
  });

  it('makes no two alike', async () => {
    const [one, two] = [await testKeyring(), await testKeyring()];
    expect(one.keyring.id).not.toBe(two.keyring.id);
    expect((await one.keyring.resolve('')).primary.keyId).not.toBe((await two.keyring.resolve('')).primary.keyId);
  });

  it('uses the given suite everywhere', async () => {
    const { keyring, storage } = await testKeyring({ suite: XAES_256_GCM });
    const { suite, keysets } = await storedDocument(storage);
    expect([suite, keysets[0]?.data.versions[0]?.suite]).toEqual([XAES_256_GCM, XAES_256_GCM]);
    expect((await keyring.resolve('')).primary.header[0]).toBe(XAES_256_GCM);
  });

  it('keeps wrapped keys in another key store when it is given one', async () => {
    const keyStore = memoryKeyStore();
    const { storage, opener, keyring } = await testKeyring({ keyStore });
    expect((await storedDocument(storage)).keysets).toEqual([]);
    expect((await keyStore.load(''))?.data.primary).toBe((await keyring.resolve('')).primary.keyId);
    expect(
      (await openKeyring({ storage, openers: [opener], keyStore }).then((ring) => ring.resolve(''))).keys.size,
    ).toBe(1);
  });

  it('makes and takes away nothing where the key store that it was made with is forgotten', async () => {
    const keyStore = memoryKeyStore();
    const made = await testKeyring({ keyStore });
    const { storage, opener, recovery } = made;
    await made.keyring.addScope('acme');
    const kek = (await storedDocument(storage)).keks[0]?.id ?? '';
    await addKek({ storage, openers: [opener] });
    const before = await storedText(storage);
    const keyring = await openKeyring({ storage, openers: [opener] });
    const uses: readonly (() => Promise<unknown>)[] = [
      () => keyring.resolve(''),
      () => keyring.resolve('acme'),
      () => keyring.addScope('acme'),
      () => keyring.addScope('globex'),
      () => keyring.addKey(),
      () => keyring.rotate('acme'),
      () => keyring.shred('acme'),
      () => keyring.describe(),
      () => keyring.kekCensus(),
      () => keyring.rewrap(),
      () => keyring.removeKek(kek, { everyProcessKnows: true }),
      async () => {
        for await (const _ of keyring.scopes()) expect.unreachable();
      },
    ];
    for (const use of uses) {
      const error = await use().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ERR_KEY_STORE', message: expect.stringContaining('--key-store') });
    }
    expect(await storedText(storage)).toBe(before);
    // Its slots are its own.
    expect((await keyring.describe([])).slots).toHaveLength(2);
    await keyring.addSlot(rawKey(generateRawKey()), recoveryKey(recovery));
    keyring.close();
  });

  it('overwrites nothing', async () => {
    const { storage } = await testKeyring();
    const before = await storedText(storage);
    expect(await codeOfPromise(testKeyring({ storage }))).toBe('ERR_KEYRING_EXISTS');
    expect(await storedText(storage)).toBe(before);
    expect(await codeOfPromise(testKeyring({ storage: keyringMemory('anything') }))).toBe('ERR_KEYRING_EXISTS');
  });

  it('needs a way to open it besides the recovery key', async () => {
    const storage = keyringMemory();
    expect(await codeOfPromise(createKeyring({ storage, openers: [] }))).toBe('ERR_OPTIONS');
    expect(await storage.read()).toBeNull();
  });

  it('fails when a slot cannot be opened again', async () => {
    let calls = 0;
    const fickle: SlotOpener = {
      ...rawKey(generateRawKey()),
      slotKey: () => rawKey(generateRawKey()).slotKey({ call: calls++ }),
    };
    expect(await codeOfPromise(createKeyring({ storage: keyringMemory(), openers: [fickle] }))).toBe(
      'ERR_KEYRING_LOCKED',
    );
    expect(calls).toBeGreaterThan(1);
  });

  it('fails when the storage gives back something else', async () => {
    const inner = keyringMemory();
    const lossy: KeyringStorage = {
      ...inner,
      read: async () => (await inner.read())?.replace(/"generation": \d+/, '"generation": 7') ?? null,
    };
    expect(await codeOfPromise(testKeyring({ storage: lossy }))).toBe('ERR_KEYRING_DAMAGED');
  });

  it('refuses a key store that holds keys already, and stores nothing', async () => {
    const keyStore = memoryKeyStore();
    await testKeyring({ keyStore });
    const storage = keyringMemory();
    expect(await codeOfPromise(testKeyring({ storage, keyStore }))).toBe('ERR_KEYRING_EXISTS');
    expect(await storage.read()).toBeNull();
  });
});

describe('openKeyring', () => {
  it('opens by every slot, and by the recovery key as it is typed', async () => {
    const storage = keyringMemory();
    const [key, words] = [rawKey(generateRawKey()), passphrase(WORDS, { logN: 14 })];
    const { recovery } = await createKeyring({ storage, openers: [key, words] });
    const typed = formatRecoveryKey(recovery).toLowerCase().replaceAll('-', ' ');
    for (const opener of [key, words, passphrase(WORDS), recoveryKey(recovery), recoveryKey(typed)]) {
      const keyring = await openKeyring({ storage, openers: [opener] });
      expect((await keyring.resolve('')).keys.size).toBe(1);
    }
  });

  it('tries all openers', async () => {
    const { storage, opener } = await testKeyring();
    const openers = [rawKey(generateRawKey()), passphrase(WORDS), recoveryKey(generateRecoveryKey()), opener];
    expect((await openKeyring({ storage, openers })).peek('')).toBeUndefined();
  });

  it('refuses every other key', async () => {
    const { storage } = await testKeyring();
    const others = [rawKey(generateRawKey()), passphrase('another passphrase'), recoveryKey(generateRecoveryKey())];
    for (const openers of [[], ...others.map((one) => [one]), others]) {
      expect(await codeOfPromise(openKeyring({ storage, openers }))).toBe('ERR_KEYRING_LOCKED');
    }
  });

  it('refuses the key of another keyring', async () => {
    const [one, two] = [await testKeyring(), await testKeyring()];
    expect(
      await codeOfPromise(openKeyring({ storage: one.storage, openers: [two.opener, recoveryKey(two.recovery)] })),
    ).toBe('ERR_KEYRING_LOCKED');
  });

  it('reports a keyring that is missing', async () => {
    expect(await codeOfPromise(openKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] }))).toBe(
      'ERR_KEYRING_MISSING',
    );
  });

  it('passes on an opener that fails', async () => {
    const { storage, opener } = await testKeyring();
    const broken: SlotOpener = { ...opener, slotKey: () => Promise.reject(new Error('the device is gone')) };
    await expect(openKeyring({ storage, openers: [broken] })).rejects.toThrow('the device is gone');
  });
});

describe('close', () => {
  it('wipes every key, and can be called again', async () => {
    const { keyring } = await testKeyring();
    const view = await keyring.resolve('');
    const derived = view.primary.fieldKey('User', 'email');
    const indexKey = view.indexRoot.indexKey('User', 'email', 'eq');
    keyring.close();
    keyring.close();
    expect([derived.wiped, indexKey.wiped]).toEqual([true, true]);
    expect(() => view.primary.fieldKey('User', 'email')).toThrow('ERR_KEY_WIPED');
    expect(keyring.peek('')).toBeUndefined();
  });

  it('ends every use', async () => {
    const { keyring, opener, recovery, storage } = await testKeyring();
    const { primary } = await keyring.resolve('');
    const before = await storedText(storage);
    keyring.close();
    const uses: Promise<unknown>[] = [
      keyring.resolve(''),
      keyring.addScope('acme'),
      keyring.addKey(),
      keyring.rotate(),
      keyring.promote(primary.keyId),
      keyring.addSlot(opener, recoveryKey(recovery)),
      keyring.removeSlot((await storedDocument(storage)).slots[0]?.id ?? '').catch((error: unknown) => {
        if (String(error).includes('ERR_KEYRING_SLOT')) return Promise.reject(error);
        throw error;
      }),
    ];
    const codes = await Promise.all(uses.map(codeOfPromise));
    expect(codes.slice(0, 6)).toEqual(new Array(6).fill('ERR_KEY_WIPED'));
    expect(codes[6]).toBe('ERR_KEYRING_SLOT');
    expect(await storedText(storage)).toBe(before);
  });

  it('leaves no key of a reading that was under way', async () => {
    const { storage, opener } = await testKeyring();
    let release = (): void => undefined;
    const slow: KeyringStorage = { ...storage, read: storage.read };
    const keyring = await openKeyring({ storage: slow, openers: [opener] });
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const read = storage.read;
    Object.assign(slow, { read: () => gate.then(() => read()) });
    const loading = codeOfPromise(keyring.resolve(''));
    keyring.close();
    release();
    expect(await loading).toBe('ERR_KEY_WIPED');
    expect(keyring.peek('')).toBeUndefined();
  });

  it('stops changes of an outside key store, too', async () => {
    const keyStore = memoryKeyStore();
    const { keyring } = await testKeyring({ keyStore });
    const first = (await keyring.resolve('')).primary.keyId;
    await keyring.rotate();
    const before = await keyStore.load('');
    keyring.close();
    expect(await codeOfPromise(keyring.disable(first))).toBe('ERR_KEY_WIPED');
    expect(await keyStore.load('')).toEqual(before);
  });
});

describe('the channel fieldseal:keyring', () => {
  it('tells of every change, with ids only', async () => {
    const seen: KeyringEvent[] = [];
    const listen = (event: unknown): void => void seen.push(event as KeyringEvent);
    subscribe('fieldseal:keyring', listen);
    const { keyring, recovery } = await testKeyring();
    const keyId = await keyring.addKey();
    const slot = await keyring.addSlot(rawKey(generateRawKey()), recoveryKey(recovery));
    await keyring.removeSlot(slot);
    keyring.close();
    unsubscribe('fieldseal:keyring', listen);
    const own = seen.filter(({ keyringId }) => keyringId === keyring.id);
    expect(own.map(({ action }) => action)).toEqual([
      'open',
      'close',
      'open',
      'close',
      'open',
      'create',
      'add',
      'add-slot',
      'remove-slot',
      'close',
    ]);
    expect(own.filter(({ subject }) => subject !== undefined).map(({ subject }) => subject)).toEqual([
      keyId,
      slot,
      slot,
    ]);
  });
});
