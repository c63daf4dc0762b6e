import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pae } from '../src/bytes.ts';
import { Circuit } from '../src/dek-cache/circuit.ts';
import { GroupKey } from '../src/dek-cache/group-key.ts';
import { SharedBox } from '../src/dek-cache/shared-box.ts';
import type { GroupWrapped } from '../src/dek-cache/shared-tier.ts';
import { decryptError, FieldsealError } from '../src/errors.ts';
import { deriveKeyId } from '../src/kdf.ts';
import type { KeyWrapper, WrapContext } from '../src/kek/key-wrapper.ts';
import { unwrapKey, wrapKey } from '../src/kek/wrapped-key.ts';
import { createKeyring } from '../src/keyring/create-keyring.ts';
import { generateRawKey } from '../src/keyring/key-text.ts';
import type { Keyring } from '../src/keyring/keyring.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { rawKey, type SlotOpener } from '../src/keyring/slot.ts';
import { type KeyringStorage, keyringMemory } from '../src/keyring/storage.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { XCHACHA20_POLY1305 } from '../src/suite.ts';
import { type CountingStore, countingStore } from './counting-store.ts';
import { type MemorySharedCache, memorySharedCache } from './memory-shared-cache.ts';

const DAY_MS = 86_400_000;

/** A key service that counts what it is asked. */
class Service implements KeyWrapper {
  readonly id = 'remote';
  readonly #key = SecretBytes.take(new Uint8Array(randomBytes(32)));
  readonly wraps: WrapContext[] = [];
  readonly unwraps: WrapContext[] = [];
  down = false;

  async wrap(key: SecretBytes, context: WrapContext): Promise<Uint8Array> {
    this.wraps.push(context);
    this.#answer();
    return wrapKey(this.#key, XCHACHA20_POLY1305, key, aad(context));
  }

  async unwrap(wrapped: Uint8Array, context: WrapContext): Promise<SecretBytes> {
    this.unwraps.push(context);
    this.#answer();
    if (wrapped.length === 0) throw decryptError({});
    return unwrapKey(this.#key, wrapped, aad(context));
  }

  #answer(): void {
    if (this.down) throw new FieldsealError('ERR_KEY_STORE', 'the key service is down');
  }
}

const aad = ({ keyId, scope, purpose }: WrapContext): Uint8Array => pae('test', keyId, scope, purpose);
const tenants = Array.from({ length: 10 }, (_, at) => `tenant-${at}`);

let service: Service;
let storage: KeyringStorage;
let opener: SlotOpener;
let keyStore: CountingStore;
let shared: MemorySharedCache;
const opened: Keyring[] = [];

beforeEach(async () => {
  service = new Service();
  keyStore = countingStore();
  shared = memorySharedCache();
  storage = keyringMemory();
  opener = rawKey(generateRawKey());
  const { keyring } = await createKeyring({ storage, openers: [opener], keyStore, kek: service });
  for (const scope of tenants) await keyring.addScope(scope);
  keyring.close();
});

afterEach(() => {
  for (const keyring of opened.splice(0)) keyring.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Another process. What the service was asked before is forgotten. */
async function open(): Promise<Keyring> {
  service.wraps.splice(0);
  service.unwraps.splice(0);
  const keyring = await openKeyring({ storage, openers: [opener], keyStore, keks: [service], cache: { shared } });
  opened.push(keyring);
  return keyring;
}

async function resolveAll(keyring: Keyring): Promise<void> {
  const views = await keyring.resolveMany(new Map(tenants.map((scope) => [scope, []])));
  for (const { primary, keys } of views.values()) expect(keys.get(primary.keyId)).toBe(primary);
  for (let turns = 0; turns < 50; turns++) await turn();
}

const groupEntry = (): string => [...shared.texts.keys()].find((key) => key.includes(':group:')) ?? '';

describe('a group key, where the KEK is a key service', () => {
  it('spares the second process all calls but one', async () => {
    await resolveAll(await open());
    expect([service.wraps.length, service.unwraps.length]).toEqual([1, 20]);
    const keyring = await open();
    await resolveAll(keyring);
    expect([service.wraps.length, service.unwraps]).toEqual([
      0,
      [expect.objectContaining({ purpose: 'group', scope: '' })],
    ]);
    expect(keyring.cacheStats().shared?.hits).toBe(10);
  });

  it('is one for all, though several processes begin together', async () => {
    const keyrings = await Promise.all([open(), open(), open()]);
    await Promise.all(keyrings.map(resolveAll));
    const keyring = await open();
    await resolveAll(keyring);
    expect(service.unwraps).toHaveLength(1);
  });

  it('that another process made in the same moment is taken over', async () => {
    await resolveAll(await open());
    const keyring = await open();
    const { get } = shared;
    let asked = 0;
    shared.get = async (keys) => (keys[0] === groupEntry() && asked++ === 0 ? [null] : get(keys));
    await resolveAll(keyring);
    expect([service.wraps.length, service.unwraps.length]).toEqual([1, 1]);
    await resolveAll(await open());
    expect([service.wraps.length, service.unwraps.length]).toEqual([0, 1]);
  });

  it('has wrapped the keys of a change before it is announced', async () => {
    const watcher = await open();
    await resolveAll(watcher);
    const changer = await open(); // which has not asked for the group key yet
    const { unwrap } = service;
    service.unwrap = async function (this: Service, wrapped, context) {
      if (context.purpose === 'group') for (let turns = 0; turns < 10; turns++) await turn();
      return unwrap.call(this, wrapped, context);
    };
    await changer.rotate('tenant-0');
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(watcher.peek('tenant-0')?.keys.size).toBe(2);
    expect(watcher.cacheStats().shared?.refused).toBe(0);
  });

  it('is another one each day', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await resolveAll(await open());
    const first = groupEntry();
    vi.setSystemTime(Date.now() + DAY_MS);
    shared.texts.clear();
    await resolveAll(await open());
    expect(groupEntry()).not.toBe(first);
    const keyring = await open();
    await resolveAll(keyring);
    expect(service.unwraps).toHaveLength(1);
  });

  it('that was lost makes each process ask for itself, and a new one', async () => {
    await resolveAll(await open());
    shared.texts.delete(groupEntry());
    await resolveAll(await open());
    expect([service.wraps.length, service.unwraps.length]).toEqual([1, 20]);
  });

  it.each([
    ['poison', () => 'poison'],
    ['what another key had', () => [...shared.texts.values()][1] ?? ''],
  ])('that was replaced by %s is made anew', async (_what, text) => {
    await resolveAll(await open());
    shared.texts.set(groupEntry(), text());
    await resolveAll(await open());
    expect(service.unwraps.filter(({ purpose }) => purpose === 'group')).toHaveLength(0);
    expect(service.unwraps).toHaveLength(20);
  });

  it('that the service does not open is asked for once a minute', async () => {
    await resolveAll(await open());
    const keyring = await open();
    const { unwrap } = service;
    service.unwrap = async function (this: Service, wrapped, context) {
      if (context.purpose === 'group') this.unwraps.push(context);
      if (context.purpose === 'group') throw decryptError({});
      return unwrap.call(this, wrapped, context);
    };
    for (const scope of tenants) await keyring.resolve(scope);
    expect(service.unwraps.filter(({ purpose }) => purpose === 'group')).toHaveLength(1);
    expect(service.unwraps).toHaveLength(21);
  });

  it('is of no use for keys that it did not wrap', async () => {
    await resolveAll(await open());
    const before = service.unwraps.length;
    const keyring = await open();
    service.down = true; // the group key cannot be had
    await expect(keyring.resolve('tenant-0')).rejects.toMatchObject({ code: 'ERR_KEY_STORE' });
    service.down = false;
    expect((await keyring.resolve('tenant-1')).scope).toBe('tenant-1');
    expect(before).toBe(20);
  });

  it('is wiped when the keyring is closed, and no timer is left', async () => {
    const keyring = await open();
    const made: SecretBytes[] = [];
    const { random } = SecretBytes;
    vi.spyOn(SecretBytes, 'random').mockImplementation((length) => {
      const secret = random(length);
      made.push(secret);
      return secret;
    });
    await resolveAll(keyring);
    keyring.close();
    await turn();
    expect(made.map(({ wiped }) => wiped)).toEqual([true]);
  });

  it('opens no key that was changed, or that is of another scope, purpose, id or group', async () => {
    const box = new SharedBox(SecretBytes.random(32), 'keyring', XCHACHA20_POLY1305);
    const circuit = new Circuit(1000, async () => {}, { failed() {}, opened() {}, closed() {} });
    const group = new GroupKey(shared, circuit, box, () => service, XCHACHA20_POLY1305);
    const secrets = [SecretBytes.random(32), SecretBytes.random(32)] as const;
    const [context, other] = secrets.map((key, at) => {
      return { keyId: deriveKeyId(key), scope: `tenant-${at}`, purpose: 'data' } as const;
    }) as [WrapContext, WrapContext];
    const wrapped = await group.wrap([
      [context, secrets[0]],
      [other, secrets[1]],
    ]);
    const { id, keys } = wrapped as GroupWrapped;
    const text = keys[context.keyId] ?? '';
    expect((await group.unwrap({ id, keys }, context))?.equals(secrets[0])).toBe(true);
    const flipped = Buffer.from(text, 'base64url');
    flipped[40] = (flipped[40] as number) ^ 1;
    const lies: [string, GroupWrapped['keys'], WrapContext][] = [
      [id, { [context.keyId]: flipped.toString('base64url') }, context],
      [id, { [context.keyId]: text.slice(0, -4) }, context],
      [id, { [context.keyId]: '' }, context],
      [id, { [context.keyId]: '!' }, context],
      [id, { [context.keyId]: keys[other.keyId] ?? '' }, context],
      [id, keys, { ...context, scope: 'tenant-1' }],
      [id, keys, { ...context, purpose: 'index' }],
      [id, { [other.keyId]: text }, { ...context, keyId: other.keyId }],
      ['0000000000000000', keys, context],
      [id, {}, context],
    ];
    for (const [groupId, lie, where] of lies)
      expect(await group.unwrap({ id: groupId, keys: lie }, where)).toBeUndefined();
    group.wipe();
    expect(await group.unwrap({ id, keys }, context)).toBeUndefined();
    expect(await group.wrap([])).toBeUndefined();
  });
});
