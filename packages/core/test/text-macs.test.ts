import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hmacSha256Batch, textMacs as simdTextMacs } from '../src/aead/simd/hmac.ts';
import { MAX_DATA } from '../src/aead/simd/layout.ts';
import { macsWork, textMac, textMacs } from '../src/aead/text-macs.ts';
import { pae, toHex, utf8 } from '../src/bytes.ts';
import { SeededBytes } from './random-messages.ts';

const SLOW = process.env['SLOW'] === '1';

function expected(key: Uint8Array, message: Uint8Array): string {
  return createHmac('sha256', key).update(message).digest('hex');
}

describe('hmacSha256Batch gives what node:crypto gives', () => {
  const source = new SeededBytes('macs');

  it('for every length from 0 to 300, under a key each', () => {
    const messages = Array.from({ length: 301 }, (_, length) => source.bytes(length));
    const keys = messages.map(() => source.bytes(32));
    const macs = hmacSha256Batch(keys, messages);
    expect(macs.map(toHex)).toEqual(messages.map((message, at) => expected(keys[at] as Uint8Array, message)));
  });

  it('for every number of messages up to 9, of mixed lengths, under one key', () => {
    const key = source.bytes(32);
    for (let size = 1; size <= 9; size++) {
      for (let round = 0; round < 40; round++) {
        const messages = Array.from({ length: size }, () => source.bytes(source.below(301)));
        expect(hmacSha256Batch(key, messages).map(toHex)).toEqual(messages.map((message) => expected(key, message)));
      }
    }
    expect(hmacSha256Batch(key, [])).toEqual([]);
  });

  it('for keys of any length, and messages at and beyond the longest that the kernel takes', () => {
    for (const length of [0, 1, 20, 31, 32, 33, 64, 65, 200]) {
      const key = source.bytes(length);
      const messages = [0, 55, 56, MAX_DATA - 1, MAX_DATA, MAX_DATA + 1, 100_000].map((size) => source.bytes(size));
      expect(hmacSha256Batch(key, messages).map(toHex)).toEqual(messages.map((message) => expected(key, message)));
    }
  });

  it('for batches larger than the memory', () => {
    const keys = Array.from({ length: SLOW ? 20_000 : 500 }, () => source.bytes(32));
    const messages = keys.map((_, at) => source.bytes(at % 50 === 0 ? MAX_DATA : at % 120));
    const macs = hmacSha256Batch(keys, messages);
    expect(macs.map(toHex)).toEqual(messages.map((message, at) => expected(keys[at] as Uint8Array, message)));
  });
});

describe('textMacs', () => {
  const key = new Uint8Array(32).fill(9);
  const texts = [
    '',
    'ada',
    'Zażółć 👩‍⚕️',
    'x'.repeat(39),
    'x'.repeat(40),
    'é'.repeat(1000),
    'x'.repeat(MAX_DATA),
    '漢'.repeat(9999),
  ];

  it('is HMAC-SHA256 over PAE(text)', () => {
    const jobs = texts.map((text) => ({ key, text }));
    for (const make of [textMacs, simdTextMacs]) {
      expect(make(jobs).map(toHex)).toEqual(texts.map((text) => expected(key, pae(text))));
      for (const job of jobs) expect(make([job]).map(toHex)).toEqual([expected(key, pae(job.text))]);
    }
    expect(jobs.map(textMac).map(toHex)).toEqual(texts.map((text) => expected(key, pae(text))));
  });

  it('gives MACs in memory of their own', () => {
    const [first, second] = textMacs([
      { key, text: 'a' },
      { key, text: 'b' },
    ]) as [Uint8Array, Uint8Array];
    const before = toHex(second);
    first.fill(0);
    textMacs([{ key, text: 'c' }]);
    expect(toHex(second)).toBe(before);
  });
});

describe('the self-test of MACs', () => {
  it('passes here', () => {
    expect(macsWork(hmacSha256Batch, simdTextMacs)).toBe(true);
  });

  it.each<[string, typeof hmacSha256Batch, typeof simdTextMacs]>([
    [
      'throw',
      hmacSha256Batch,
      () => {
        throw new Error('no WebAssembly');
      },
    ],
    ['give nothing', () => [], simdTextMacs],
    ['give too little', hmacSha256Batch, (jobs) => simdTextMacs(jobs.slice(1))],
    [
      'forget the lengths',
      hmacSha256Batch,
      (jobs) =>
        hmacSha256Batch(
          jobs.map((job) => job.key),
          jobs.map((job) => utf8(job.text)),
        ),
    ],
    ['ignore the key', (_keys, messages) => hmacSha256Batch(new Uint8Array(32), messages), simdTextMacs],
  ])('refuses functions that %s', (_what, messageMacs, macs) => {
    expect(macsWork(messageMacs, macs)).toBe(false);
  });
});
