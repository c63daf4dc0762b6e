import { describe, expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from '../src/bytes.ts';
import { SharedBox } from '../src/dek-cache/shared-box.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { type SuiteId, XAES_256_GCM, XCHACHA20_POLY1305 } from '../src/suite.ts';
import { codeOf } from './error-code.ts';

function boxOf(root: number, keyringId = '0011223344556677', suite: SuiteId = XCHACHA20_POLY1305): SharedBox {
  return new SharedBox(SecretBytes.take(new Uint8Array(32).fill(root)), keyringId, suite);
}

describe.each([XCHACHA20_POLY1305, XAES_256_GCM] as const)('SharedBox, suite %i', (suite) => {
  const box = boxOf(7, undefined, suite);
  const content = { scope: 'clinic-of-canary', generation: 3, text: 'Zażółć \ud800' };

  it('opens what it sealed, and what another process of the keyring did', () => {
    const text = box.seal('name', content);
    expect(box.open('name', text)).toEqual(content);
    expect(boxOf(7, undefined, suite).open('name', text)).toEqual(content);
    expect(box.seal('name', content)).not.toBe(text);
  });

  it('opens nothing under another name, keyring, root key or suite', () => {
    const text = box.seal('name', content);
    expect(box.open('Name', text)).toBe(null);
    expect(box.open('', text)).toBe(null);
    expect(boxOf(7, '0011223344556678', suite).open('name', text)).toBe(null);
    expect(boxOf(8, undefined, suite).open('name', text)).toBe(null);
    expect(boxOf(7, undefined, suite === XAES_256_GCM ? XCHACHA20_POLY1305 : XAES_256_GCM).open('name', text)).toBe(
      null,
    );
  });

  it('opens nothing of which a bit was changed, that was cut, or lengthened', () => {
    const bytes = fromBase64Url(box.seal('name', content)) as Uint8Array;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      if (box.open('name', toBase64Url(changed)) !== null) throw new Error(`bit ${bit}`);
    }
    for (let length = 0; length < bytes.length; length++)
      if (box.open('name', toBase64Url(bytes.subarray(0, length))) !== null) throw new Error(`length ${length}`);
    expect(box.open('name', toBase64Url(Buffer.concat([bytes, Buffer.from([0])])))).toBe(null);
  });

  it.each([
    ['', null],
    ['plain', null],
    ['{}', null],
    ['====', null],
    [`${'A'.repeat(200)}=`, null],
    [7, null],
    [{}, null],
    [undefined, null],
  ])('takes %j for nothing', (text, opened) => {
    expect(box.open('name', text)).toBe(opened);
  });

  it('shows nothing of the content or the scope', () => {
    const name = box.name('clinic-of-canary');
    const seen = `${name}${Buffer.from(box.seal(name, content), 'base64url').toString('latin1')}`;
    expect(seen).not.toContain('canary');
    expect(name).toMatch(/^fs:0011223344556677:[\w-]{22}$/);
  });

  it('names each scope otherwise, for each root key, and the same in every process', () => {
    const scopes = ['', 'a', 'A', 'a ', 'changes', 'group', '__proto__', 'x'.repeat(300)];
    const names = scopes.map((scope) => box.name(scope));
    expect(new Set([...names, box.common('changes'), box.common('group')]).size).toBe(scopes.length + 2);
    expect(boxOf(7, undefined, suite).name('a')).toBe(box.name('a'));
    expect(boxOf(8, undefined, suite).name('a')).not.toBe(box.name('a'));
  });

  it('does nothing after it was wiped', () => {
    const wiped = boxOf(7, undefined, suite);
    const text = wiped.seal('name', content);
    wiped.wipe();
    expect([
      codeOf(() => wiped.seal('name', 1)),
      codeOf(() => wiped.open('name', text)),
      codeOf(() => wiped.name('a')),
    ]).toEqual(Array(3).fill('ERR_KEY_WIPED'));
  });
});
