import { readFileSync } from 'node:fs';
import { fileKeyStore, keyringFile, openKeyring, parseRawKey, rawKey } from '@fieldseal/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RewrapLine } from '../src/commands/rewrap-line.ts';
import { fieldseal, parsed, scratch } from './harness.ts';

const { path, remove } = scratch();
afterAll(remove);
const env: Record<string, string> = { FIELDSEAL_KEYRING: path('keyring.json') };
const store = ['--key-store', path('keys.json')];

interface Answer {
  readonly code: number;
  readonly left?: number;
  readonly rewrapped?: number;
  readonly added?: string;
  readonly removed?: string;
  readonly keks?: readonly { readonly kek: string; readonly keys: number; readonly newest: boolean }[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function rewrap(...args: string[]): Promise<Answer> {
  const given = args[0] === 'start' ? [] : store;
  const done = await fieldseal(['rewrap', ...args, ...given, '--json'], env);
  return { code: done.code, ...(parsed(done) as object) };
}

beforeAll(async () => {
  const { key } = parsed(await fieldseal(['init', ...store, '--json'], env)) as { key: { value: string } };
  env['FIELDSEAL_KEY'] = key.value;
  const keyring = await openKeyring({
    storage: keyringFile(env['FIELDSEAL_KEYRING'] as string),
    openers: [rawKey(parseRawKey(key.value))],
    keyStore: fileKeyStore(path('keys.json')),
  });
  for (let at = 0; at < 12; at++) await keyring.addScope(`tenant-${at}`);
  keyring.close();
});

test('all keys come under a new KEK, and the old one goes', async () => {
  const before = await rewrap('plan');
  expect(before).toMatchObject({ code: 0, left: 0, keks: [{ keys: 26, newest: true }] });
  const old = before.keks?.[0]?.kek as string;
  const { added } = await rewrap('start');
  expect(await rewrap('status')).toMatchObject({
    left: 26,
    keks: [
      { kek: old, keys: 26 },
      { kek: added, keys: 0 },
    ],
  });
  const early = await rewrap('retire', '--kek', old, '--every-process-knows');
  expect([early.code, early.error?.code]).toEqual([1, 'ERR_KEY_STATUS']);
  const stopped = await rewrap('work', '--batch', '3', '--for', '1ms');
  expect(stopped).toMatchObject({ code: 0, rewrapped: 26 - (stopped.left ?? 0) });
  expect(stopped.left).toBeGreaterThan(0);
  expect(await rewrap('work', '--keys-per-second', '1000')).toMatchObject({ rewrapped: stopped.left, left: 0 });
  expect(await rewrap('work')).toMatchObject({ rewrapped: 0, left: 0, failed: [] });
  expect((await rewrap('retire', '--kek', old)).error?.message).toContain('processes may still wrap new keys');
  expect(await rewrap('retire', '--kek', old, '--every-process-knows')).toMatchObject({ code: 0, removed: old });
  expect(await rewrap('plan')).toMatchObject({ keks: [{ kek: added, keys: 26, newest: true }] });
  expect(readFileSync(path('keys.json'), 'utf8')).not.toContain(old);
  expect((await fieldseal(['keys', 'list', ...store], env)).code).toBe(0);
});

test('what cannot be done is refused', async () => {
  for (const args of [['everything'], ['retire'], ['work', '--for', 'soon'], ['work', '--keys-per-second', 'many']])
    expect((await rewrap(...args)).code).toBe(2);
  const { keks } = await rewrap('plan');
  const newest = await rewrap('retire', '--kek', keks?.[0]?.kek as string, '--every-process-knows');
  expect([newest.code, newest.error?.message]).toEqual([1, expect.stringContaining('wraps new keys')]);
  expect((await rewrap('retire', '--kek', 'kek-none')).error?.code).toBe('ERR_OPTIONS');
});

test('its line says how far it is', () => {
  let now = 0;
  let shown = '';
  const io = {
    stderr: (text: string) => {
      shown = text;
    },
    stdout: () => {},
    stdin: async () => '',
    interactive: true,
  };
  const line = new RewrapLine(io, 1000, () => now);
  expect(line.line(0)).toBe('rewrap: 0 %, 0 keys/s, 1000 to go, no estimate yet');
  now = 2000;
  line.show(500);
  expect(shown).toContain('rewrap: 50 %, 250 keys/s, 500 to go, 2 s left');
  expect(line.line(1000)).toBe('rewrap: 100 %, 500 keys/s, 0 to go, last pass');
});
