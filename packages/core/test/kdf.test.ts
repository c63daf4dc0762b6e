import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, it } from 'vitest';
import { fromHex, pae, toHex, utf8 } from '../src/bytes.ts';
import { deriveFieldKey, deriveIndexKey, deriveKeyId, deriveKeyringKey, LABELS } from '../src/kdf.ts';
import { SecretBytes } from '../src/secret-bytes.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, at) => at * 7);

function secret(): SecretBytes {
  return SecretBytes.copy(KEY);
}

/** HKDF by an implementation that shares no code with ours. */
function independent(info: Uint8Array, length: number, key: Uint8Array = KEY): string {
  return toHex(hkdf(sha256, key, new Uint8Array(0), info, length));
}

describe('the independent HKDF', () => {
  // RFC 5869 appendix A.1 and A.3; the second has the empty salt that Fieldseal uses.
  it.each([
    [
      '000102030405060708090a0b0c',
      'f0f1f2f3f4f5f6f7f8f9',
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    ],
    ['', '', '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'],
  ])('gives the answer of RFC 5869 for salt "%s"', (salt, info, okm) => {
    const ikm = new Uint8Array(22).fill(0x0b);
    expect(toHex(hkdf(sha256, ikm, fromHex(salt) as Uint8Array, fromHex(info) as Uint8Array, 42))).toBe(okm);
  });
});

describe('derived keys', () => {
  it('agree with the independent HKDF', () => {
    expect(deriveKeyId(secret())).toBe(independent(utf8('fieldseal/v1/key-id'), 8));
    expect(toHex(deriveFieldKey(secret(), 0x11, 'User', 'email').expose())).toBe(
      independent(pae('fieldseal/v1/field', Uint8Array.of(0x11), 'User', 'email'), 32),
    );
    expect(toHex(deriveIndexKey(secret(), 'User', 'email', 'eq').expose())).toBe(
      independent(pae('fieldseal/v1/index', 'User', 'email', 'eq'), 32),
    );
    expect(toHex(deriveKeyringKey(secret(), LABELS.slot, 'rawKey').expose())).toBe(
      independent(pae('fieldseal/v1/slot', 'rawKey'), 32),
    );
  });

  it('take a key of another length too, as a recovery key is', () => {
    const short = KEY.subarray(0, 20);
    expect(toHex(deriveKeyringKey(SecretBytes.copy(short), LABELS.keyringMac).expose())).toBe(
      independent(pae('fieldseal/v1/keyring-mac'), 32, short),
    );
  });

  it('differ for every other place', () => {
    const keys = [
      deriveFieldKey(secret(), 0x11, 'User', 'email'),
      deriveFieldKey(secret(), 0x12, 'User', 'email'),
      deriveFieldKey(secret(), 0x11, 'Use', 'remail'),
      deriveFieldKey(secret(), 0x11, 'User', 'Email'),
      deriveFieldKey(secret(), 0x11, 'email', 'User'),
      deriveFieldKey(secret(), 0x11, '', 'Useremail'),
      deriveIndexKey(secret(), 'User', 'email', 'eq'),
      deriveIndexKey(secret(), 'User', 'email', ''),
      deriveIndexKey(secret(), 'User', 'emaile', 'q'),
      deriveKeyringKey(secret(), LABELS.kekWrapping),
      deriveKeyringKey(secret(), LABELS.keyringMac),
      deriveKeyringKey(secret(), LABELS.slot, 'rawKey'),
      deriveKeyringKey(secret(), LABELS.slot, 'recoveryKey'),
      secret(),
    ];
    expect(new Set(keys.map((key) => toHex(key.expose()))).size).toBe(keys.length);
  });

  it('use no label for two purposes', () => {
    const labels = Object.values(LABELS);
    expect(new Set(labels).size).toBe(labels.length);
    for (const label of labels) expect(label).toMatch(/^fieldseal\/v1\/[a-z-]+$/);
  });

  it('are not given by a wiped key', () => {
    const wiped = secret();
    wiped.wipe();
    expect(() => deriveKeyId(wiped)).toThrow('ERR_KEY_WIPED');
    expect(() => deriveFieldKey(wiped, 0x11, 'User', 'email')).toThrow('ERR_KEY_WIPED');
  });
});
