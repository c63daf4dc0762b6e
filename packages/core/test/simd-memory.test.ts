import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { AeadMessage } from '../src/aead/engine.ts';
import { NoncePool } from '../src/aead/nonce-pool.ts';
import { inBatches } from '../src/aead/simd/batches.ts';
import { simdCells } from '../src/aead/simd/cells.ts';
import { simdEngine } from '../src/aead/simd/engine.ts';
import { hmacSha256Batch, textMacs } from '../src/aead/simd/hmac.ts';
import { codec, kernel } from '../src/aead/simd/kernel.ts';
import { CONSTANTS, END, FAILED, PAGES, SECRETS_END, SLOTS, STATE, TEXTS } from '../src/aead/simd/layout.ts';
import { KERNEL } from '../src/aead/simd/module.ts';
import { utf8 } from '../src/bytes.ts';
import { type Cell, encodeHeader } from '../src/cell.ts';
import { encodeValue } from '../src/value.ts';

const HEADER = encodeHeader(0x11, '0123456789abcdef');
const CANARY = 'canary-of-a-plaintext';
const KEY = Buffer.from('a key that nobody else has: 32 b');

function memory(): Buffer {
  return Buffer.from(kernel().bytes.buffer);
}

/** Nothing secret is left: all places for it are zero, and no planted value is anywhere, nor a part of it. */
function expectWiped(): void {
  const bytes = memory();
  expect(bytes.subarray(STATE, SECRETS_END).every((byte) => byte === 0)).toBe(true);
  expect(bytes.subarray(SLOTS, TEXTS).every((byte) => byte === 0)).toBe(true);
  for (const part of [CANARY, CANARY.slice(0, 8), CANARY.slice(-8), KEY, KEY.subarray(8, 16)])
    expect(bytes.includes(part)).toBe(false);
}

function messages(count: number): AeadMessage[] {
  return Array.from({ length: count }, (_, at) => ({
    suite: 0x11,
    key: KEY,
    nonce: randomBytes(24),
    aad: HEADER,
    data: utf8(CANARY.repeat(1 + at * 3)),
  }));
}

function jobs(count: number) {
  return Array.from({ length: count }, (_, at) => ({
    key: KEY,
    aad: null,
    plaintext: at % 2 === 0 ? CANARY : encodeValue('String', CANARY, null),
    text: true,
  }));
}

/** A pool that stops the work when plaintext and keys are laid out. */
class StoppedPool extends NoncePool {
  seen = false;

  override fill(): void {
    this.seen = memory().includes(CANARY) && memory().includes(KEY);
    throw new RangeError('stopped');
  }
}

describe('the memory of the kernel is wiped', () => {
  it.each([1, 2, 5, 200])('after %i messages were encrypted and decrypted', (count) => {
    const batch = messages(count);
    const sealed = simdEngine.encrypt(batch);
    expectWiped();
    const stored = batch.map((message, at) => ({ ...message, data: sealed[at] as Uint8Array }));
    expect(simdEngine.decrypt(stored)).not.toContain(null);
    expectWiped();
    const [{ data }] = stored as [AeadMessage];
    data[0] = (data[0] as number) ^ 1;
    expect(simdEngine.decrypt(stored)).toContain(null);
    expectWiped();
  });

  it.each([1, 2, 5, 200])('after %i cells were made and opened', (count) => {
    const made = simdCells.seal(0x11, HEADER, jobs(count), new NoncePool()) as string[];
    expectWiped();
    const cells = simdCells.parse(made) as Cell[];
    const open = (key: Uint8Array) => simdCells.open(cells.map((cell) => ({ key, cell, aad: null, text: true })));
    expect(open(KEY)).toEqual(made.map(() => CANARY));
    expectWiped();
    expect(open(new Uint8Array(32))).toEqual(made.map(() => null));
    expectWiped();
  });

  it('after work that was stopped half-way, when it was full of secrets', () => {
    const pool = new StoppedPool();
    expect(() => simdCells.seal(0x11, HEADER, jobs(9), pool)).toThrow('stopped');
    expect(pool.seen).toBe(true);
    expectWiped();
    expect(simdCells.seal(0x11, HEADER, jobs(9), new NoncePool())).toHaveLength(9);
  });

  it('after a message that cannot be read', () => {
    const hostile = {
      ...(messages(1)[0] as AeadMessage),
      get nonce(): Uint8Array {
        throw new RangeError('from outside');
      },
    };
    expect(() => simdEngine.encrypt([...messages(3), hostile])).toThrow('from outside');
    expectWiped();
  });

  it('after MACs', () => {
    textMacs(Array.from({ length: 9 }, () => ({ key: KEY, text: CANARY.repeat(5) })));
    expectWiped();
    hmacSha256Batch(KEY, [utf8(CANARY)]);
    expectWiped();
  });
});

describe('the kernel', () => {
  it.each([1, 2, 3, 4, 5])(
    'leaves a forged record of %i as it is, in every place, and decrypts the others',
    (count) => {
      const batch = messages(count);
      const sealed = simdEngine.encrypt(batch);
      for (let forged = 0; forged < count; forged++) {
        const data = sealed.map((one, at) =>
          at === forged ? one.map((byte, index) => (index === 9 ? byte ^ 1 : byte)) : one,
        );
        const here = batch.map((_, at) => at);
        let seen: Buffer[] = [];
        inBatches(
          here.length,
          (records, { bytes }, at) => {
            const { key, nonce, aad } = batch[at] as AeadMessage;
            const one = data[at] as Uint8Array;
            bytes.set(nonce, records.end + 9);
            bytes.set(one, records.end + 33);
            records.add(one.length - 16, key);
            records.setAad(aad);
            return true;
          },
          (records, linear) => {
            linear.open(count);
            seen = here.map((at) => {
              const from = records.data(at);
              return Buffer.from(linear.bytes.slice(from, from + records.length(at)));
            });
            expect(here.map((at) => records.verdict(at))).toEqual(here.map((at) => (at === forged ? FAILED : 0)));
          },
        );
        for (const [at, bytes] of seen.entries()) {
          const expected = at === forged ? (data[at] as Uint8Array).subarray(0, -16) : (batch[at] as AeadMessage).data;
          expect(bytes.equals(expected)).toBe(true);
        }
      }
    },
  );

  it('is small, needs nothing from outside, and has a memory that cannot grow', () => {
    const { WebAssembly } = globalThis as unknown as {
      WebAssembly: {
        Module: { new (bytes: Uint8Array): object; imports(module: object): unknown[] };
        Memory: object;
      };
    };
    const bytes = Buffer.from(KERNEL, 'base64');
    expect(bytes.length).toBeLessThanOrEqual(16_384);
    expect(WebAssembly.Module.imports(new WebAssembly.Module(bytes))).toEqual([]);
    const { memory: linear } = kernel() as unknown as { memory: { buffer: ArrayBuffer; grow(pages: number): number } };
    expect([linear.buffer.byteLength, PAGES * 65_536]).toEqual([END, END]);
    expect(() => linear.grow(1)).toThrow(RangeError);
    expect(kernel().bytes.buffer).toBe(linear.buffer);
  });

  it('never writes below its state, where its constants are', () => {
    const before = Buffer.from(memory().subarray(0, STATE));
    expect(before.readUInt32LE(CONSTANTS)).toBe(0x428a2f98);
    simdEngine.encrypt(messages(7));
    textMacs([{ key: KEY, text: CANARY }]);
    expect(memory().subarray(0, STATE).equals(before)).toBe(true);
  });

  it('reads and writes text alike where Buffer lacks its short methods', () => {
    const buffer = Buffer.alloc(64);
    const documented = { write: buffer.write.bind(buffer), toString: buffer.toString.bind(buffer) } as Buffer;
    for (const one of [documented, buffer]) {
      const { writeText, readAscii, readUtf8 } = codec(one);
      expect(writeText('añb', 3)).toBe(4);
      expect(readUtf8(3, 7)).toBe('añb');
      expect(writeText('ascii', 10)).toBe(5);
      expect(readAscii(10, 15)).toBe('ascii');
    }
  });
});
