import { describe, expect, it } from 'vitest';
import { pad, unpad } from '../src/padding.ts';

describe('padding', () => {
  it.each([
    [0, 1, 1],
    [0, 16, 16],
    [1, 16, 16],
    [15, 16, 16],
    [16, 16, 32],
    [17, 16, 32],
    [5, 1, 6],
    [63, 64, 64],
    [64, 64, 128],
  ])('brings %i bytes with a pad size of %i to %i', (length, size, padded) => {
    const payload = Uint8Array.from({ length }, (_, at) => at);
    const bytes = pad(payload, size);
    expect(bytes).toHaveLength(padded);
    expect(bytes[length]).toBe(0x80);
    expect([...bytes.subarray(length + 1)].every((byte) => byte === 0)).toBe(true);
    expect(unpad(bytes)).toEqual(payload);
  });

  it('keeps a payload that looks like padding', () => {
    for (const payload of [[0x80], [0], [0x80, 0, 0], [0, 0, 0x80, 0]]) {
      expect(unpad(pad(Uint8Array.from(payload), 8))).toEqual(Uint8Array.from(payload));
    }
  });

  it.each([[[]], [[0]], [[0, 0, 0]], [[1]], [[0x80, 1]], [[0x80, 0, 0x7f, 0]], [[0x81]], [[0xff, 0]]])(
    'refuses the bytes %j',
    (bytes) => {
      expect(unpad(Uint8Array.from(bytes))).toBeNull();
    },
  );
});
