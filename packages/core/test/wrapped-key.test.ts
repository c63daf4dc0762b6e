import { describe, expect, it } from 'vitest';
import { pae, toHex } from '../src/bytes.ts';
import { LocalKek } from '../src/kek/local-kek.ts';
import { dekAad, unwrapKey, WRAPPED_KEY_BYTES, wrapKey } from '../src/kek/wrapped-key.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { codeOf, codeOfPromise } from './error-code.ts';

const CONTEXT = { keyId: 'be6edbca880fc191', scope: 'acme', purpose: 'data' } as const;

function key(byte: number, length = 32): SecretBytes {
  return SecretBytes.take(new Uint8Array(length).fill(byte));
}

describe('dekAad', () => {
  it('holds the key id as bytes', () => {
    const id = Uint8Array.of(0xbe, 0x6e, 0xdb, 0xca, 0x88, 0x0f, 0xc1, 0x91);
    expect(toHex(dekAad('kek-1', CONTEXT))).toBe(toHex(pae('fieldseal/v1/dek', 'kek-1', id, 'acme', 'data')));
  });

  it('refuses what is no key id', () => {
    expect(codeOf(() => dekAad('kek-1', { ...CONTEXT, keyId: 'acme' }))).toBe('ERR_KEY_INVALID');
  });
});

describe.each([0x11, 0x12] as const)('a key wrapped under suite %i', (suite) => {
  const aad = dekAad('kek-1', CONTEXT);

  it('has 73 bytes, starts with its suite, and differs every time', () => {
    const wrapped = Array.from({ length: 50 }, () => wrapKey(key(1), suite, key(2), aad));
    for (const one of wrapped) expect([one.length, one[0]]).toEqual([WRAPPED_KEY_BYTES, suite]);
    expect(new Set(wrapped.map(toHex)).size).toBe(50);
    expect(unwrapKey(key(1), wrapped[0] as Uint8Array, aad).equals(key(2))).toBe(true);
  });

  it('opens under its own KEK and AAD only', () => {
    const wrapped = wrapKey(key(1), suite, key(2), aad);
    const others = [{ keyId: '0000000000000000' }, { scope: '' }, { scope: 'acme2' }, { purpose: 'index' as const }];
    for (const other of others) {
      expect(codeOf(() => unwrapKey(key(1), wrapped, dekAad('kek-1', { ...CONTEXT, ...other })))).toBe('ERR_DECRYPT');
    }
    expect(codeOf(() => unwrapKey(key(1), wrapped, dekAad('kek-2', CONTEXT)))).toBe('ERR_DECRYPT');
    expect(codeOf(() => unwrapKey(key(3), wrapped, aad))).toBe('ERR_DECRYPT');
  });

  it('refuses every other length and a suite that is unknown', () => {
    const wrapped = wrapKey(key(1), suite, key(2), aad);
    for (let length = 0; length < wrapped.length; length++) {
      expect(codeOf(() => unwrapKey(key(1), wrapped.subarray(0, length), aad))).toBe('ERR_DECRYPT');
    }
    expect(codeOf(() => unwrapKey(key(1), Buffer.concat([wrapped, Buffer.of(0)]), aad))).toBe('ERR_DECRYPT');
    for (const other of [0, 0x10, 0x13, 0xff]) {
      expect(codeOf(() => unwrapKey(key(1), Buffer.concat([Buffer.of(other), wrapped.subarray(1)]), aad))).toBe(
        'ERR_DECRYPT',
      );
    }
  });

  it('has 32 bytes, no more and no less', () => {
    for (const length of [0, 16, 31, 33, 64])
      expect(codeOf(() => wrapKey(key(1), suite, key(2, length), aad))).toBe('ERR_KEY_INVALID');
  });
});

describe('LocalKek', () => {
  it('wraps and unwraps under its own id', async () => {
    const kek = new LocalKek('kek-1', key(1), 0x11);
    const wrapped = await kek.wrap(key(2), CONTEXT);
    expect((await kek.unwrap(wrapped, CONTEXT)).equals(key(2))).toBe(true);
    expect(await codeOfPromise(new LocalKek('kek-2', key(1), 0x11).unwrap(wrapped, CONTEXT))).toBe('ERR_DECRYPT');
    expect(await codeOfPromise(kek.unwrap(wrapped, { ...CONTEXT, scope: '' }))).toBe('ERR_DECRYPT');
  });

  it('does nothing after it was wiped', async () => {
    const own = key(1);
    const kek = new LocalKek('kek-1', own, 0x11);
    const wrapped = await kek.wrap(key(2), CONTEXT);
    kek.wipe();
    expect([own.wiped, kek.key]).toEqual([true, own]);
    expect(await codeOfPromise(kek.wrap(key(2), CONTEXT))).toBe('ERR_KEY_WIPED');
    expect(await codeOfPromise(kek.unwrap(wrapped, CONTEXT))).toBe('ERR_KEY_WIPED');
  });
});
