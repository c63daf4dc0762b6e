import { createHmac, randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { SecretBytes } from '@fieldseal/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { honeyCells, honeyMark } from '../src/reading/honey-cells.ts';
import { fieldOf, sampleCipher } from './sample-cipher.ts';

const KEY = SecretBytes.copy(Buffer.alloc(32, 7));
const TEXT = fieldOf('notes');
const BYTES = fieldOf('scan', 'Patient', 'Bytes');

const events: unknown[] = [];
const listen = (event: unknown): void => void events.push(event);
beforeEach(() => {
  events.length = 0;
  subscribe('fieldseal:honey', listen);
});
afterEach(() => unsubscribe('fieldseal:honey', listen));

test.each([
  ['text', TEXT],
  ['bytes', BYTES],
])('a honey cell of a %s column is found among others, each time it is opened', async (_, spec) => {
  const plain = await sampleCipher();
  const cells = plain.encrypt(spec, ...Array.from({ length: 200 }, (_unused, at) => `value ${at}`));
  const marks = { bait: honeyMark(KEY, cells[120] as string | Uint8Array) };
  const watch = honeyCells({ key: KEY, marks });
  const opened = (...some: unknown[]) => watch.opened?.(some.map((stored) => ({ spec, stored })));
  opened(...cells);
  expect(events).toEqual([{ name: 'bait', model: spec.model, field: spec.field }]);
  opened(...cells.slice(0, 120), ...cells.slice(121));
  expect(events).toHaveLength(1);
  opened(cells[120]);
  expect(events).toHaveLength(2);
});

test('the cipher tells of it, and hands out the value as ever', async () => {
  const writer = await sampleCipher();
  const [cell] = writer.encrypt(TEXT, 'bait') as [string];
  const reader = await sampleCipher([honeyCells({ key: KEY, marks: { row7: honeyMark(KEY, cell) } })]);
  const [other] = reader.encrypt(TEXT, 'fish') as [string];
  expect(reader.decrypt(TEXT, other)).toEqual(['fish']);
  expect(events).toEqual([]);
  // A cell that does not open is not told of: whoever has no key reads nothing.
  expect(() => reader.decrypt(TEXT, cell)).toThrow();
  expect(events).toEqual([]);
});

test('the same value written again is another cell', async () => {
  const { encrypt } = await sampleCipher();
  const [cell, again] = encrypt(TEXT, 'bait', 'bait') as [string, string];
  honeyCells({ key: KEY, marks: { a: honeyMark(KEY, cell) } }).opened?.([{ spec: TEXT, stored: again }]);
  expect(events).toEqual([]);
});

/** A cell, as text, of a nonce. */
const cellWith = (nonce: Buffer) =>
  `fs1:${Buffer.concat([Buffer.alloc(9, 0x11), nonce, Buffer.alloc(20)]).toString('base64url')}`;

test('a cell that begins like a honey cell is none', () => {
  const nonce = randomBytes(24);
  const alike = Buffer.concat([nonce.subarray(0, 23), Buffer.of((nonce[23] as number) ^ 1)]);
  const watch = honeyCells({ key: KEY, marks: { a: honeyMark(KEY, cellWith(nonce)) } });
  watch.opened?.([{ spec: TEXT, stored: cellWith(alike) }]);
  expect(events).toEqual([]);
  watch.opened?.([{ spec: TEXT, stored: cellWith(nonce) }]);
  expect(events).toHaveLength(1);
});

test('thousands of other cells raise no alarm', () => {
  const marks = Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [`h${at}`, honeyMark(KEY, cellWith(randomBytes(24)))]),
  );
  const watch = honeyCells({ key: KEY, marks });
  watch.opened?.(Array.from({ length: 20_000 }, () => ({ spec: TEXT, stored: cellWith(randomBytes(24)) })));
  expect(events).toEqual([]);
});

test('a mark is a keyed digest: another key makes another, and none of it is in the cell', async () => {
  const { encrypt } = await sampleCipher();
  const [cell] = encrypt(TEXT, 'bait') as [string];
  const mark = honeyMark(KEY, cell);
  expect(mark).toMatch(/^[0-9a-f]{8}\.[0-9a-f]{8}\.[0-9a-f]{32}$/);
  expect(honeyMark(KEY, cell)).toBe(mark);
  const other = honeyMark(SecretBytes.copy(Buffer.alloc(32, 8)), cell);
  for (const [at, part] of other.split('.').entries()) expect(part).not.toBe(mark.split('.')[at]);
  const mac = createHmac('sha256', Buffer.alloc(32, 7)).update(`fieldseal/honey/1/cell/${cell.slice(16, 48)}`);
  expect(mark.split('.')[2]).toBe(mac.digest('hex').slice(0, 32));
});

test('the key may be wiped afterwards; the watch goes on', async () => {
  const { encrypt } = await sampleCipher();
  const [cell] = encrypt(TEXT, 'bait') as [string];
  const key = SecretBytes.random(32);
  const watch = honeyCells({ key, marks: { a: honeyMark(key, cell) } });
  key.wipe();
  watch.opened?.([{ spec: TEXT, stored: cell }]);
  expect(events).toHaveLength(1);
});

test.each(['plaintext', 'fs1:short', '', `xx1:${'A'.repeat(80)}`])('%j has no mark', (stored) => {
  expect(() => honeyMark(KEY, stored)).toThrow('ERR_CELL_FORMAT');
  expect(() => honeyMark(KEY, Buffer.from(stored.slice(0, 20)))).toThrow('ERR_CELL_FORMAT');
});

test.each([
  '',
  'abc',
  `${'0'.repeat(8)}.${'0'.repeat(8)}.${'0'.repeat(31)}`,
  `${'0'.repeat(8)}.${'0'.repeat(8)}.${'G'.repeat(32)}`,
  `${'0'.repeat(8)}.${'0'.repeat(32)}`,
])('%j is no mark', (mark) => {
  expect(() => honeyCells({ key: KEY, marks: { a: mark } })).toThrow('ERR_OPTIONS');
});

test('a key of another length is refused', () => {
  expect(() => honeyCells({ key: SecretBytes.random(16), marks: {} })).toThrow('ERR_OPTIONS');
});
