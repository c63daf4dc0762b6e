import { type Pkcs11Options, pkcs11Kek } from '@fieldseal/core/kek';
import { describe, expect, it } from 'vitest';
import { expectCode, expectKey, failure, sample } from '../src/contracts/key-wrapper.ts';
import { keyWrapperContract, remoteKeyWrapperContract } from '../src/index.ts';
import { FakePkcs11 } from './pkcs11-module.ts';

const runner = { describe, it };
const KEYS = [
  { label: 'app' },
  { label: 'other' },
  { label: 'twice' },
  { label: 'twice' },
  { label: 'loose', extractable: true },
];

function kekOf(module: FakePkcs11, options: Partial<Pkcs11Options<number>> = {}) {
  return pkcs11Kek({
    module,
    token: 'token',
    key: 'app',
    pin: () => '1234',
    backoffMs: 2,
    timeoutMs: 10_000,
    ...options,
  });
}

for (const [what, tagCode] of [
  ['', 0x40],
  [' that reports a wrong tag as a general error', 0x05],
  [' of PKCS #11 3.0', 0x35],
] as const)
  keyWrapperContract(
    `PKCS #11${what}`,
    async () => {
      const module = Object.assign(new FakePkcs11(KEYS), { tagCode });
      return {
        open: () => kekOf(module),
        other: () => kekOf(module, { key: 'other', id: 'pkcs11:token/app' }),
        renamed: () => kekOf(module, { id: 'renamed' }),
      };
    },
    runner,
  );

remoteKeyWrapperContract(
  'PKCS #11',
  async () => {
    const module = new FakePkcs11(KEYS);
    return {
      open: (policy) => kekOf(module, policy),
      fail: (fault, times) => module.fail(fault, times),
      requests: () => module.operations,
      buffers: () => module.buffers.filter((buffer) => buffer.length < 60),
      secrets: ['1234-the-pin'],
      without: ['reset', 'truncated', 'malformed', 'notFound'],
    };
  },
  runner,
);

describe('a token', () => {
  it('is logged in to once, and keeps a few sessions', async () => {
    const module = new FakePkcs11(KEYS);
    const kek = kekOf(module);
    const { key, context } = sample({});
    await Promise.all(Array.from({ length: 30 }, () => kek.wrap(key, context)));
    expect(module.logins).toHaveLength(1);
    expect(module.sessions).toBeLessThanOrEqual(5);
  });

  it('is shared by two KEKs of one process', async () => {
    const module = new FakePkcs11(KEYS);
    const { key, context } = sample({});
    await kekOf(module).wrap(key, context);
    await kekOf(module, { key: 'other' }).wrap(key, context);
    expect(module.logins).toHaveLength(1);
  });

  it('gets a wrong PIN once', async () => {
    const module = new FakePkcs11(KEYS);
    const kek = kekOf(module, { pin: () => 'canaryOfThePin' });
    const { key, context } = sample({});
    const errors = [await failure(kek.wrap(key, context)), await failure(kek.wrap(key, context))];
    for (const error of errors) expect(error).toMatchObject({ code: 'ERR_KEK_DENIED' });
    expect(errors.join()).not.toContain('canary');
    expect(module.logins).toHaveLength(1);
    expect(module.sessions).toBe(0);
  });

  it('gets none when the PIN cannot be had, and nothing of the reason is shown', async () => {
    const module = new FakePkcs11(KEYS);
    const { key, context } = sample({});
    const error = await failure(kekOf(module, { pin: () => Promise.reject(new Error('canary')) }).wrap(key, context));
    expect(error).toMatchObject({ code: 'ERR_KEK_DENIED' });
    expect(String(error)).not.toContain('canary');
    expect(module.logins).toEqual([]);
  });

  it('is found again when all its sessions were closed', async () => {
    const module = new FakePkcs11(KEYS);
    const kek = kekOf(module);
    const { key, context } = sample({});
    const wrapped = await kek.wrap(key, context);
    module.closeAll();
    await expectKey(kek, wrapped, { key, context });
    expect(module.logins).toHaveLength(2);
  });

  it('that is in trouble does not make a sound key look changed', async () => {
    const module = new FakePkcs11(KEYS);
    const kek = kekOf(module);
    const { key, context } = sample({});
    const wrapped = await kek.wrap(key, context);
    module.brokenCode = 0x05;
    await expectCode(kek.unwrap(wrapped, context), 'ERR_KEK_UNAVAILABLE');
    module.brokenCode = undefined;
    await expectKey(kek, wrapped, { key, context });
  });

  it('whose session hangs is not waited for again', async () => {
    const module = new FakePkcs11(KEYS);
    const { key, context } = sample({});
    const kek = kekOf(module);
    await kek.wrap(key, context);
    module.fail('hang', 1);
    await expectCode(kekOf(module, { timeoutMs: 40, attempts: 1 }).wrap(key, context), 'ERR_KEK_TIMEOUT');
    await kek.wrap(key, context);
  });

  it.each([
    [{ key: 'nobody' }, 'ERR_KEK_NOT_FOUND'],
    [{ key: 'twice' }, 'ERR_KEK_REFUSED'],
    [{ key: 'loose' }, 'ERR_KEK_REFUSED'],
    [{ token: 'elsewhere', attempts: 1 }, 'ERR_KEK_UNAVAILABLE'],
  ] as const)('has no key for %j', async (options, code) => {
    const { key, context } = sample({});
    await expectCode(kekOf(new FakePkcs11(KEYS), options).wrap(key, context), code);
  });

  it('may have a key that can be extracted, where that is said', async () => {
    const { key, context } = sample({});
    const module = new FakePkcs11(KEYS);
    await kekOf(module, { key: 'loose', allowExtractable: true }).wrap(key, context);
  });

  it.each([{ key: '' }, { token: '' }])('is not named by %j', (options) => {
    expect(() => kekOf(new FakePkcs11(KEYS), options)).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  });

  it.each([
    [0x63, 'ERR_KEK_REFUSED'],
    [0xe0, 'ERR_KEK_UNAVAILABLE'],
    [0x999, 'ERR_KEK_RESPONSE'],
  ] as const)('that gives %i is reported as %s', async (code, expected) => {
    const module = new FakePkcs11(KEYS);
    const { key, context } = sample({});
    const wrapped = await kekOf(module).wrap(key, context);
    module.brokenCode = code;
    await expectCode(kekOf(module, { attempts: 1 }).unwrap(wrapped, context), expected);
  });
});
