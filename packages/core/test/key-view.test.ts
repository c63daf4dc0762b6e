import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { toHex } from '../src/bytes.ts';
import type { WearEvent } from '../src/events.ts';
import { deriveFieldKey, deriveIndexKey } from '../src/kdf.ts';
import { DataKey, IndexRoot } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { XCHACHA20_POLY1305 } from '../src/suite.ts';
import { codeOf } from './error-code.ts';

const ID = 'be6edbca880fc191';
const LIMIT = 2 ** 48;

function dek(): SecretBytes {
  return SecretBytes.take(new Uint8Array(32).fill(7));
}

function dataKey(): DataKey {
  return new DataKey(ID, XCHACHA20_POLY1305, dek());
}

function wearEvents(work: () => void): WearEvent[] {
  const events: WearEvent[] = [];
  const listen = (event: unknown): void => void events.push(event as WearEvent);
  subscribe('fieldseal:wear', listen);
  try {
    work();
  } finally {
    unsubscribe('fieldseal:wear', listen);
  }
  return events;
}

describe('DataKey', () => {
  it('derives the key of a field once', () => {
    const key = dataKey();
    expect(key.fieldKey('User', 'email')).toBe(key.fieldKey('User', 'email'));
    expect(key.fieldKey('User', 'email').equals(deriveFieldKey(dek(), XCHACHA20_POLY1305, 'User', 'email'))).toBe(true);
    expect(toHex(key.header)).toBe(`11${ID}`);
  });

  it('confuses no two fields, whatever characters their names have', () => {
    const names = [
      ['a\0b', 'c'],
      ['a', 'b\0c'],
      ['', 'a\0b'],
      ['\0a', 'b'],
      ['1', '1a'],
      ['11', 'a'],
      ['a', ''],
      ['', 'a'],
    ] as const;
    const key = dataKey();
    for (const [model, field] of names) {
      expect(
        key.fieldKey(model, field).equals(deriveFieldKey(dek(), XCHACHA20_POLY1305, model, field)),
        JSON.stringify([model, field]),
      ).toBe(true);
    }
  });

  it('counts messages up to the limit of its suite, and not one more', () => {
    const key = dataKey();
    key.count(LIMIT - 1);
    expect(codeOf(() => key.count(2))).toBe('ERR_KEY_EXHAUSTED');
    expect(key.messages).toBe(LIMIT - 1);
    key.count(1);
    expect(codeOf(() => key.count(1))).toBe('ERR_KEY_EXHAUSTED');
    expect(() => key.count(1)).toThrow(expect.objectContaining({ keyId: ID }));
    key.count(0);
    expect(key.messages).toBe(LIMIT);
  });

  it('tells once that half of the messages are used', () => {
    const key = dataKey();
    const events = wearEvents(() => {
      key.count(LIMIT / 2 - 1);
      key.count(0);
      key.count(1);
      key.count(1);
      key.count(LIMIT / 4);
    });
    expect(events).toEqual([{ keyId: ID, messages: LIMIT / 2, limit: LIMIT }]);
  });

  it('wipes the DEK and all that came from it', () => {
    const secret = dek();
    const key = new DataKey(ID, XCHACHA20_POLY1305, secret);
    const derived = key.fieldKey('User', 'email');
    key.wipe();
    expect([secret.wiped, derived.wiped]).toEqual([true, true]);
    expect(codeOf(() => key.fieldKey('User', 'email'))).toBe('ERR_KEY_WIPED');
  });
});

describe('IndexRoot', () => {
  it('derives the key of an index once', () => {
    const root = new IndexRoot(ID, 3, dek());
    expect(root.indexKey('User', 'email', 'eq')).toBe(root.indexKey('User', 'email', 'eq'));
    expect([root.keyId, root.version]).toEqual([ID, 3]);
  });

  it('confuses no two indexes, whatever characters their names have', () => {
    const names: readonly (readonly [string, string, string])[] = [
      ['a\0b', 'c', 'd'],
      ['a', 'b\0c', 'd'],
      ['a', 'b', 'c\0d'],
      ['a', 'b\0', 'c'],
      ['1', '1', '1'],
      ['', '11', '1'],
      ['11', '', '1'],
    ];
    const root = new IndexRoot(ID, 1, dek());
    for (const name of names)
      expect(root.indexKey(...name).equals(deriveIndexKey(dek(), ...name)), JSON.stringify(name)).toBe(true);
  });

  it('wipes the root and all that came from it', () => {
    const secret = dek();
    const root = new IndexRoot(ID, 1, secret);
    const derived = root.indexKey('User', 'email', 'eq');
    root.wipe();
    expect([secret.wiped, derived.wiped]).toEqual([true, true]);
    expect(codeOf(() => root.indexKey('User', 'email', 'eq'))).toBe('ERR_KEY_WIPED');
  });
});
