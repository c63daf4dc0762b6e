import { scrypt } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { toHex } from '../src/bytes.ts';
import { formatRawKey, generateRawKey, generateRecoveryKey } from '../src/keyring/key-text.ts';
import {
  openSlot,
  passphrase,
  rawKey,
  recoveryKey,
  type Slot,
  type SlotOpener,
  type SlotParams,
  sealSlot,
} from '../src/keyring/slot.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { codeOf, codeOfPromise } from './error-code.ts';

const WORDS = 'correct horse battery';
const ROOT = SecretBytes.take(new Uint8Array(32).fill(5));

function seal(opener: SlotOpener): Promise<Slot> {
  return sealSlot('ring', ROOT, opener, 0x11);
}

vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  return { ...crypto, scrypt: vi.fn(crypto.scrypt) };
});

describe('a slot', () => {
  it.each<[string, () => SlotOpener]>([
    ['rawKey', () => rawKey(generateRawKey())],
    ['recoveryKey', () => recoveryKey(generateRecoveryKey())],
    ['passphrase', () => passphrase(WORDS, { logN: 14 })],
  ])('of type %s gives the root key to its own opener only', async (type, make) => {
    const opener = make();
    const slot = await seal(opener);
    expect(slot.type).toBe(type);
    expect((await openSlot('ring', slot, opener))?.equals(ROOT)).toBe(true);
    expect(await openSlot('ring', slot, type === 'passphrase' ? passphrase('another passphrase') : make())).toBeNull();
    expect(await openSlot('other ring', slot, opener)).toBeNull();
  });

  it('gives nothing to the same secret as another type', async () => {
    const secret = generateRawKey();
    const slot = await seal(rawKey(secret));
    const other = { ...rawKey(secret), type: 'recoveryKey' };
    expect(await openSlot('ring', slot, other)).toBeNull();
    expect(await openSlot('ring', { ...slot, type: 'recoveryKey' }, other)).toBeNull();
  });

  it('takes no key of another length', () => {
    for (const length of [0, 1, 20, 31, 33])
      expect(codeOf(() => rawKey(SecretBytes.random(length)))).toBe('ERR_KEY_INVALID');
    for (const length of [0, 19, 32])
      expect(codeOf(() => recoveryKey(SecretBytes.random(length)))).toBe('ERR_KEY_INVALID');
  });

  it('takes a key as text or as bytes', async () => {
    const key = generateRawKey();
    const slot = await seal(rawKey(key));
    expect(await openSlot('ring', slot, rawKey(formatRawKey(key)))).not.toBeNull();
  });

  it.each<[string, Partial<Slot>]>([
    ['id', { id: 'AAAAAAAA' }],
    ['created', { created: '2020-01-01T00:00:00.000Z' }],
    ['params', { params: { extra: 1 } }],
    ['wrapped', { wrapped: 'A'.repeat(98) }],
    ['wrapped, cut', { wrapped: 'AAAA' }],
  ])('whose %s was altered does not open', async (_what, change) => {
    const opener = rawKey(generateRawKey());
    expect(await openSlot('ring', { ...(await seal(opener)), ...change }, opener)).toBeNull();
  });

  it('whose wrapped key is not base64url is damaged', async () => {
    const opener = rawKey(generateRawKey());
    const slot = { ...(await seal(opener)), wrapped: '!' };
    expect(await codeOfPromise(openSlot('ring', slot, opener))).toBe('ERR_KEYRING_DAMAGED');
  });

  it('wipes the slot key, whether it opens or not', async () => {
    const keys: SecretBytes[] = [];
    const inner = rawKey(generateRawKey());
    const watched: SlotOpener = {
      ...inner,
      slotKey: async (params) => {
        const key = await inner.slotKey(params);
        keys.push(key);
        return key;
      },
    };
    const slot = await seal(watched);
    await openSlot('ring', slot, watched);
    await openSlot('other ring', slot, watched);
    expect(keys.map(({ wiped }) => wiped)).toEqual([true, true, true]);
  });
});

describe('a passphrase', () => {
  it('has a salt of its own in each slot', async () => {
    const [one, two] = [await seal(passphrase(WORDS, { logN: 14 })), await seal(passphrase(WORDS, { logN: 14 }))];
    expect(one.params).toEqual({ logN: 14, r: 8, p: 1, salt: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/) });
    expect(one.params['salt']).not.toBe(two.params['salt']);
  });

  it('costs 2^17 unless it is told otherwise', async () => {
    expect(await passphrase(WORDS).create()).toMatchObject({ logN: 17, r: 8, p: 1 });
  });

  it('gives the key of scrypt (RFC 7914)', async () => {
    const salt = 'AAECAwQFBgcICQoLDA0ODw';
    const key = await passphrase(WORDS).slotKey({ logN: 14, r: 8, p: 1, salt });
    // Python: hashlib.scrypt(b'correct horse battery', salt=bytes(range(16)), n=2**14, r=8, p=1, dklen=32).hex()
    expect(toHex(key.expose())).toBe('e96ec6ba8c63a23698220f37c7fc042925d430c7feadec9ceb04af03cabb9f2f');
  });

  const hostile: readonly SlotParams[] = [
    { logN: 63, r: 8, p: 1 },
    { logN: 21, r: 8, p: 1 },
    { logN: 13, r: 8, p: 1 },
    { logN: 0, r: 8, p: 1 },
    { logN: -14, r: 8, p: 1 },
    { logN: 14.5, r: 8, p: 1 },
    { logN: Number.POSITIVE_INFINITY, r: 8, p: 1 },
    { logN: Number.NaN, r: 8, p: 1 },
    { logN: '14', r: 8, p: 1 },
    { r: 8, p: 1 },
    { logN: 14, r: 1024, p: 1 },
    { logN: 14, r: 1, p: 1 },
    { logN: 14, r: 8, p: 1_000_000 },
    { logN: 14, r: 8 },
    {},
  ];

  it('does its work for parameters within bounds', async () => {
    vi.mocked(scrypt).mockClear();
    await passphrase(WORDS).slotKey({ logN: 14, r: 8, p: 1, salt: 'AAECAwQFBgcICQoLDA0ODw' });
    expect(scrypt).toHaveBeenCalledTimes(1);
  });

  it.each(hostile)('refuses the parameters %j before any work', async (params) => {
    vi.mocked(scrypt).mockClear();
    const key = passphrase(WORDS).slotKey({ ...params, salt: 'AAECAwQFBgcICQoLDA0ODw' });
    expect(await codeOfPromise(key)).toBe('ERR_KEYRING_DAMAGED');
    expect(scrypt).not.toHaveBeenCalled();
  });

  it.each(['', 'AAAA', '!', 'AAECAwQFBgcICQoLDA0ODx', 'AAECAwQFBgcICQoLDA0ODw=='])(
    'refuses the salt %j',
    async (salt) => {
      expect(await codeOfPromise(passphrase(WORDS).slotKey({ logN: 14, r: 8, p: 1, salt }))).toBe(
        'ERR_KEYRING_DAMAGED',
      );
      expect(await codeOfPromise(passphrase(WORDS).slotKey({ logN: 14, r: 8, p: 1, salt: 5 }))).toBe(
        'ERR_KEYRING_DAMAGED',
      );
    },
  );

  it('refuses a cost out of bounds', () => {
    for (const logN of [13, 21, 1.5]) expect(codeOf(() => passphrase(WORDS, { logN }))).toBe('ERR_OPTIONS');
  });

  it('refuses to be short', () => {
    expect(codeOf(() => passphrase('short'))).toBe('ERR_KEY_INVALID');
  });
});
