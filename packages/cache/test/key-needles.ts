import type { KeyView } from '@fieldseal/core';

/** Every spelling of a view's unwrapped keys that a dump could hold: raw, hex, base64 wherever it starts, and as JSON numbers. */
export function keyNeedles(view: KeyView): Buffer[] {
  const keys = [...view.keys.values(), view.indexRoot].map(({ key }) => Buffer.from(key.expose()));
  return keys.flatMap((key) => [
    key,
    ...[key.toString('hex'), key.toString('hex').toUpperCase(), [...key].join(), [...key].join(', ')].map((text) =>
      Buffer.from(text),
    ),
    ...(['base64', 'base64url'] as const).flatMap((encoding) =>
      [0, 1, 2].map((before) => base64At(key, before, encoding)),
    ),
  ]);
}

/** Whether any of the needles is in the haystack. */
export function holdsAny(haystack: Uint8Array, needles: readonly Buffer[]): boolean {
  const searched = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.length);
  return needles.some((needle) => searched.includes(needle));
}

/** The digits that hold nothing but bits of the key, where so many bytes stand before it. */
function base64At(key: Buffer, before: number, encoding: 'base64' | 'base64url'): Buffer {
  const digits = Buffer.concat([Buffer.alloc(before), key]).toString(encoding);
  return Buffer.from(digits.slice(Math.ceil((before * 8) / 6), Math.floor(((before + key.length) * 8) / 6)));
}
