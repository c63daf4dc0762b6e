import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addKek,
  createKeyring,
  fileKeyStore,
  generateRawKey,
  isFieldsealError,
  type KeyWrapper,
  keyringFile,
  memoryKeyStore,
  openKeyring,
  rawKey,
  recoveryKey,
} from '@fieldseal/core';
import { kekSlot, multiKek, rawKek, vaultTransitKek } from '@fieldseal/core/kek';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectCode } from '../src/contracts/key-wrapper.ts';
import { startVaultTransit, type VaultTransitService } from '../src/index.ts';

let folder = '';
let path = '';
let vault: VaultTransitService;
let vaultKek: KeyWrapper;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-kek-'));
  path = join(folder, 'keyring.json');
  vault = await startVaultTransit();
  vaultKek = kekOf(vault);
});

afterEach(async () => {
  await vault.close();
  await rm(folder, { recursive: true });
});

function kekOf({ url, token }: VaultTransitService): KeyWrapper {
  return vaultTransitKek({ address: url, key: 'app', token: () => token, backoffMs: 1, timeoutMs: 10_000 });
}

/** A KEK that can be taken down. */
function switched(kek: KeyWrapper): { readonly kek: KeyWrapper; up: boolean } {
  const state = { up: true };
  const whenUp = <T>(work: () => Promise<T>): Promise<T> => {
    if (!state.up) throw Object.assign(new Error('down'), { name: 'FieldsealError', code: 'ERR_KEK_UNAVAILABLE' });
    return work();
  };
  const wrapper: KeyWrapper = {
    id: kek.id,
    wrap: async (...args) => whenUp(() => kek.wrap(...args)),
    unwrap: async (...args) => whenUp(() => kek.unwrap(...args)),
  };
  return Object.assign(state, { kek: wrapper });
}

describe.each(['inside', 'in a key store'])('a keyring whose KEK is in Vault, with its keys %s', (place) => {
  const openers = [rawKey(generateRawKey())];
  const stores = () => (place === 'inside' ? {} : { keyStore: fileKeyStore(join(folder, 'keys.json')) });
  const reopen = (keks: readonly KeyWrapper[] = [kekOf(vault)]) =>
    openKeyring({ storage: keyringFile(path), openers, keks, ...stores() });

  it('is created, opened elsewhere, given scopes and rotated', async () => {
    const { keyring } = await createKeyring({ storage: keyringFile(path), openers, kek: vaultKek, ...stores() });
    const other = await reopen();
    const view = await other.resolve('');
    expect(view.primary.keyId).toBe((await keyring.resolve('')).primary.keyId);

    const acme = await keyring.addScope('acme');
    expect((await other.addScope('acme')).primary.keyId).toBe(acme.primary.keyId);
    const next = await other.rotate('acme');
    const seen = await keyring.resolve('acme', [next]);
    expect(seen.primary.keyId).toBe(next);
    expect([...seen.keys.keys()]).toEqual([acme.primary.keyId, next]);
    keyring.close();
    other.close();
    const again = await reopen();
    expect((await again.resolve('acme')).primary.keyId).toBe(next);
    again.close();
  });

  it('holds no KEK, and asks Vault once for each key and never again', async () => {
    const { keyring } = await createKeyring({ storage: keyringFile(path), openers, kek: vaultKek, ...stores() });
    const { keks } = JSON.parse(await readFile(path, 'utf8')) as { keks: unknown[] };
    expect(keks).toMatchObject([{ id: 'vault:transit/app', wrapped: null }]);
    expect(vault.requests.map(({ path: asked }) => asked.split('/')[3])).toEqual([
      'encrypt',
      'encrypt',
      'decrypt',
      'decrypt',
    ]);
    for (let times = 0; times < 5; times++) await keyring.resolve('');
    expect(vault.requests).toHaveLength(4);
    const other = await reopen();
    expect(vault.requests).toHaveLength(4); // opening asks for nothing
    await Promise.all(Array.from({ length: 50 }, () => other.resolve('')));
    expect(vault.requests).toHaveLength(6);
  });

  it('needs its KEK, whatever opens it', async () => {
    const { recovery } = await createKeyring({ storage: keyringFile(path), openers, kek: vaultKek, ...stores() });
    const keyring = await openKeyring({ storage: keyringFile(path), openers: [recoveryKey(recovery)], ...stores() });
    const error = await keyring.resolve('').catch((each: unknown) => each);
    expect(isFieldsealError(error, 'ERR_KEK_MISSING')).toBe(true);
    expect(String(error)).toContain('vault:transit/app');
    await expectCode(keyring.addScope('acme'), 'ERR_KEK_MISSING');
    await expectCode((await reopen([rawKek(generateRawKey())])).resolve(''), 'ERR_KEK_MISSING');
    await expectCode(reopen([vaultKek, kekOf(vault)]), 'ERR_OPTIONS');
  });

  it('is not created while Vault is down, and nothing is stored', async () => {
    vault.fail('unavailable', 3);
    const creating = createKeyring({ storage: keyringFile(path), openers, kek: vaultKek, ...stores() });
    await expectCode(creating, 'ERR_KEK_UNAVAILABLE');
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
    await createKeyring({ storage: keyringFile(path), openers, kek: vaultKek, ...stores() });
  });

  it('serves the keys that it has while Vault is down, makes none, and recovers by itself', async () => {
    const { keyring } = await createKeyring({ storage: keyringFile(path), openers, kek: vaultKek, ...stores() });
    const other = await reopen();
    vault.fail('unavailable', 100);
    expect((await keyring.resolve('')).keys.size).toBe(1);
    await expectCode(keyring.addScope('acme'), 'ERR_KEK_UNAVAILABLE');
    await expectCode(keyring.rotate(), 'ERR_KEK_UNAVAILABLE');
    await expectCode(other.resolve(''), 'ERR_KEK_UNAVAILABLE');
    vault.fail('unavailable', 0);
    expect((await other.resolve('')).keys.size).toBe(1);
    await expectCode(keyring.resolve('acme'), 'ERR_KEY_UNKNOWN');
    expect((await keyring.addScope('acme')).keys.size).toBe(1);
  });

  it('with several KEKs works on when one of them is lost', async () => {
    const [second, spare] = [switched(kekOf(vault)), rawKek(generateRawKey())];
    const multi = multiKek([second.kek, spare], { wrapQuorum: 1 });
    const { keyring } = await createKeyring({ storage: keyringFile(path), openers, kek: multi, ...stores() });
    await keyring.addScope('acme');
    second.up = false;
    const other = await reopen([multiKek([second.kek, spare], { wrapQuorum: 1 })]);
    expect((await other.resolve('acme')).primary.keyId).toBe((await keyring.resolve('acme')).primary.keyId);
    const next = await other.rotate('acme');
    expect((await keyring.resolve('acme', [next])).primary.keyId).toBe(next);
    await other.addScope('newcomer');
    second.up = true;
    const strict = await reopen([multiKek([second.kek, spare])]);
    expect((await strict.resolve('newcomer')).keys.size).toBe(1);
    await strict.rotate('newcomer');
    second.up = false;
    await expectCode(strict.rotate('newcomer'), 'ERR_KEK_UNAVAILABLE');
  });

  it('is closed to whoever calls it after close', async () => {
    const { keyring } = await createKeyring({ storage: keyringFile(path), openers, kek: vaultKek, ...stores() });
    keyring.close();
    const asked = vault.requests.length;
    await expectCode(keyring.addScope('acme'), 'ERR_KEY_WIPED');
    await expectCode(keyring.addKey(), 'ERR_KEY_WIPED');
    expect(vault.requests).toHaveLength(asked);
  });
});

describe('a stored key of a keyring whose KEK is in Vault', () => {
  it('does not open in another scope', async () => {
    const inner = memoryKeyStore();
    const openers = [rawKey(generateRawKey())];
    const { keyring } = await createKeyring({ storage: keyringFile(path), openers, kek: vaultKek, keyStore: inner });
    await keyring.addScope('acme');
    const keyStore = {
      save: inner.save,
      load: async (scope: string) => {
        const record = await inner.load(scope === 'thief' ? 'acme' : scope);
        return record === null ? null : { ...record, scope };
      },
    };
    const other = await openKeyring({ storage: keyringFile(path), openers, keyStore, keks: [vaultKek] });
    expect((await other.resolve('acme')).keys.size).toBe(1);
    // The record's authentication code is wrong there, so that the KEK is not even asked.
    await expectCode(other.resolve('thief'), 'ERR_KEY_STORE');
  });
});

describe('a slot that Vault opens', () => {
  it('opens the keyring by one request, and its keys by none', async () => {
    const { keyring } = await createKeyring({ storage: keyringFile(path), openers: [kekSlot(vaultKek)] });
    const primary = (await keyring.resolve('')).primary.keyId;
    const before = vault.requests.length;
    const other = await openKeyring({ storage: keyringFile(path), openers: [kekSlot(kekOf(vault))] });
    expect((await other.resolve('')).primary.keyId).toBe(primary);
    await other.addScope('acme');
    await other.rotate('acme');
    expect(vault.requests).toHaveLength(before + 1);
  });

  it('can be added to a keyring, and the recovery key opens that without Vault', async () => {
    const opener = rawKey(generateRawKey());
    const { keyring, recovery } = await createKeyring({ storage: keyringFile(path), openers: [opener] });
    await keyring.addSlot(kekSlot(vaultKek), recoveryKey(recovery));
    await openKeyring({ storage: keyringFile(path), openers: [kekSlot(vaultKek)] });
    vault.fail('denied', 100);
    await openKeyring({ storage: keyringFile(path), openers: [recoveryKey(recovery)] });
  });

  it.each([
    ['unavailable', 'ERR_KEK_UNAVAILABLE'],
    ['denied', 'ERR_KEK_DENIED'],
    ['disabled', 'ERR_KEK_DISABLED'],
  ] as const)('gives its error when Vault is %s and nothing else opens, and lets others open', async (fault, code) => {
    const opener = rawKey(generateRawKey());
    await createKeyring({ storage: keyringFile(path), openers: [kekSlot(vaultKek), opener] });
    vault.fail(fault, 100);
    await expectCode(openKeyring({ storage: keyringFile(path), openers: [kekSlot(vaultKek)] }), code);
    const stranger = rawKey(generateRawKey());
    await expectCode(openKeyring({ storage: keyringFile(path), openers: [kekSlot(vaultKek), stranger] }), code);
    await openKeyring({ storage: keyringFile(path), openers: [kekSlot(vaultKek), opener] });
  });

  it('does not open by another KEK', async () => {
    await createKeyring({ storage: keyringFile(path), openers: [kekSlot(vaultKek)] });
    const other = await startVaultTransit();
    await expectCode(openKeyring({ storage: keyringFile(path), openers: [kekSlot(kekOf(other))] }), 'ERR_DECRYPT');
    const stranger = kekSlot(rawKek(generateRawKey()));
    await expectCode(openKeyring({ storage: keyringFile(path), openers: [stranger] }), 'ERR_KEK_MISSING');
    await other.close();
  });

  it('is damaged when its key is not the one that it names, which is wiped', async () => {
    const wrong = generateRawKey();
    const slot = kekSlot({ ...vaultKek, wrap: async () => Uint8Array.of(1), unwrap: async () => wrong });
    await expectCode(slot.slotKey(await slot.create()), 'ERR_KEYRING_DAMAGED');
    expect(wrong.wiped).toBe(true);
  });

  it.each([
    ['no wrapped key', { wrapped: 1 }],
    ['another alphabet', { wrapped: '++++' }],
    ['no key id', { keyId: 'x' }],
  ])('is damaged with %s', async (_what, change) => {
    const slot = kekSlot(vaultKek);
    await expectCode(slot.slotKey({ ...(await slot.create()), ...change }), 'ERR_KEYRING_DAMAGED');
  });
});

describe('another KEK', () => {
  const openers = [rawKey(generateRawKey())];
  const storage = () => keyringFile(path);

  it('wraps new keys, while old ones stay under theirs', async () => {
    const { keyring } = await createKeyring({ storage: storage(), openers });
    const first = (await keyring.resolve('')).primary.keyId;
    const multi = multiKek([vaultKek, rawKek(generateRawKey())]);
    expect(await addKek({ storage: storage(), openers, kek: multi })).toBe('multi');
    await keyring.describe(); // reads the keyring again
    await expectCode(keyring.rotate(), 'ERR_KEK_MISSING');
    expect((await keyring.resolve('')).primary.keyId).toBe(first);

    const other = await openKeyring({ storage: storage(), openers, keks: [multi] });
    const next = await other.rotate();
    expect([...(await other.resolve('')).keys.keys()]).toEqual([first, next]);
    const { keysets, keks } = await other.describe();
    expect(keks.map(({ id }) => id)).toEqual([expect.stringMatching(/^kek-/), 'multi']);
    expect(keysets[0]?.data.versions.map(({ kekId }) => kekId)).toEqual([keks[0]?.id, 'multi']);
  });

  it('may be inside again, which ends the need for the one outside once its keys are gone', async () => {
    const { keyring } = await createKeyring({ storage: storage(), openers, kek: vaultKek });
    const id = await addKek({ storage: storage(), openers });
    expect(id).toMatch(/^kek-[0-9a-f]{8}$/);
    const before = vault.requests.length;
    await keyring.describe();
    await keyring.addScope('acme');
    expect(vault.requests).toHaveLength(before);
    const without = await openKeyring({ storage: storage(), openers });
    expect((await without.resolve('acme')).keys.size).toBe(1);
    await expectCode(without.resolve(''), 'ERR_KEK_MISSING');
  });

  it('is not added when it fails, is there already, or gives another key back', async () => {
    await createKeyring({ storage: storage(), openers, kek: vaultKek });
    const before = await readFile(path, 'utf8');
    await expectCode(addKek({ storage: storage(), openers, kek: vaultKek }), 'ERR_OPTIONS');
    vault.fail('denied', 1);
    await expectCode(addKek({ storage: storage(), openers, kek: { ...vaultKek, id: 'new' } }), 'ERR_KEK_DENIED');
    const liar: KeyWrapper = {
      ...rawKek(generateRawKey()),
      id: 'liar',
      wrap: async () => new Uint8Array(1),
      unwrap: async () => generateRawKey(),
    };
    await expectCode(addKek({ storage: storage(), openers, kek: liar }), 'ERR_KEK_RESPONSE');
    const stranger = [rawKey(generateRawKey())];
    await expectCode(addKek({ storage: storage(), openers: stranger }), 'ERR_KEYRING_LOCKED');
    await expectCode(addKek({ storage: keyringFile(join(folder, 'none.json')), openers }), 'ERR_KEYRING_MISSING');
    expect(await readFile(path, 'utf8')).toBe(before);
  });
});
