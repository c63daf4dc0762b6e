/**
 * Length hiding (spec/format.md §3): payload ‖ 0x80 ‖ 0x00 … up to a multiple of the pad size (ISO/IEC 7816-4). The pad size counts payload
 * and 0x80, not the type tag.
 *
 * @module
 */

/** Appends the padding. `size` is the pad size in bytes, at least 1. */
export function pad(payload: Uint8Array, size: number): Uint8Array {
  const padded = new Uint8Array((Math.floor(payload.length / size) + 1) * size);
  padded.set(payload);
  padded[payload.length] = 0x80;
  return padded;
}

/** The payload as a view; null when the padding is malformed. Only authenticated bytes come here, so timing tells nothing new. */
export function unpad(padded: Uint8Array): Uint8Array | null {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  return padded[end] === 0x80 ? padded.subarray(0, end) : null;
}
