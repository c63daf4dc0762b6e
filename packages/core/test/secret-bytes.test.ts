import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SecretBytes } from '../src/secret-bytes.ts';
import { codeOf } from './error-code.ts';

const BYTES = Uint8Array.from({ length: 32 }, (_, at) => 0xc0 + at);

describe('SecretBytes', () => {
  it('takes the bytes of its caller, or copies them', () => {
    const mine = Uint8Array.of(1, 2, 3);
    expect(SecretBytes.take(mine).expose()).toBe(mine);
    const copy = SecretBytes.copy(mine);
    copy.wipe();
    expect([...mine]).toEqual([1, 2, 3]);
  });

  it('compares bytes', () => {
    const secret = SecretBytes.copy(BYTES);
    expect(secret.equals(SecretBytes.copy(BYTES))).toBe(true);
    expect(secret.equals(SecretBytes.copy(BYTES.subarray(1)))).toBe(false);
    expect(secret.equals(SecretBytes.copy(BYTES.map((byte) => byte ^ 1)))).toBe(false);
  });

  it('overwrites what it holds when it is wiped, once and for all', () => {
    const mine = Uint8Array.from(BYTES);
    const secret = SecretBytes.take(mine);
    expect([secret.length, secret.wiped]).toEqual([32, false]);
    secret.wipe();
    secret.wipe();
    expect([...mine]).toEqual(new Array(32).fill(0));
    expect([secret.length, secret.wiped]).toEqual([0, true]);
  });

  it('gives nothing after it was wiped', () => {
    const secret = SecretBytes.copy(BYTES);
    secret.wipe();
    expect(codeOf(() => secret.expose())).toBe('ERR_KEY_WIPED');
    expect(codeOf(() => secret.equals(SecretBytes.copy(BYTES)))).toBe('ERR_KEY_WIPED');
    expect(codeOf(() => SecretBytes.copy(BYTES).equals(secret))).toBe('ERR_KEY_WIPED');
  });

  it('shows nothing, however it is written out', () => {
    const secret = SecretBytes.copy(BYTES);
    const shown = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret, { depth: null, showHidden: true, getters: true }),
      inspect({ secret }, { depth: null, compact: false }),
      JSON.stringify(structuredClone(secret)),
      Object.entries(secret).join(),
      Reflect.ownKeys(secret).join(),
    ].join('\n');
    expect(shown).toContain('[secret]');
    for (const leak of ['c0', '192', 'wMHC']) expect(shown).not.toContain(leak);
  });
});
