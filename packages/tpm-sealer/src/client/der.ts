/**
 * As much of DER as the key file needs: short and long definite lengths, in their only spelling.
 *
 * @module
 */

/** One element: its tag and its content. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
}

/** Encodes an element of up to 65535 bytes. */
export function derElement(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

/** The elements that stand one after another; null when the bytes are not that. */
export function derElements(bytes: Buffer): DerElement[] | null {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length; ) {
    const found = elementAt(bytes, at);
    if (found === null) return null;
    elements.push({ tag: bytes[at] as number, content: bytes.subarray(found.start, found.end) });
    at = found.end;
  }
  return elements;
}

function elementAt(bytes: Buffer, at: number): { start: number; end: number } | null {
  const first = bytes[at + 1];
  if (first === undefined || first === 0x80 || first > 0x82) return null;
  const extra = first < 0x80 ? 0 : first - 0x80;
  const start = at + 2 + extra;
  if (start > bytes.length) return null;
  const length = extra === 0 ? first : bytes.readUIntBE(at + 2, extra);
  const shortest = extra === 0 || length >= (extra === 1 ? 0x80 : 0x100);
  return shortest && start + length <= bytes.length ? { start, end: start + length } : null;
}
