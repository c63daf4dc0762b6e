/**
 * What `multi` stores: one wrapped key per member.
 *
 * blob = 0x01 ‖ count(1) ‖ count × (length of id(2) ‖ id ‖ length of wrapped(2) ‖ wrapped)      lengths big-endian, ids in UTF-8, none twice
 *
 * @module
 */
import { concat, fromUtf8, utf8, view } from '../bytes.ts';

const FORMAT = 0x01;

/** Members of one blob at most. */
export const MAX_MEMBERS = 8;

/** A key as one member wrapped it. */
export interface MemberKey {
  readonly id: string;
  readonly wrapped: Uint8Array;
}

/** The bytes of 1 to {@link MAX_MEMBERS} member keys. */
export function encodeMemberKeys(keys: readonly MemberKey[]): Uint8Array {
  const parts = keys.flatMap(({ id, wrapped }) => {
    const name = utf8(id);
    return [length(name), name, length(wrapped), wrapped];
  });
  return concat(Uint8Array.of(FORMAT, keys.length), ...parts);
}

/** The member keys in a blob; null when it is not exactly what {@link encodeMemberKeys} writes. */
export function decodeMemberKeys(blob: Uint8Array): readonly MemberKey[] | null {
  const [format, count = 0] = blob;
  if (format !== FORMAT || count < 1 || count > MAX_MEMBERS) return null;
  let at = 2;
  const piece = (): Uint8Array | null => {
    if (at + 2 > blob.length) return null;
    const end = at + 2 + view(blob).readUInt16BE(at);
    if (end > blob.length) return null;
    const bytes = blob.subarray(at + 2, end);
    at = end;
    return bytes;
  };
  const keys: MemberKey[] = [];
  for (let member = 0; member < count; member++) {
    const [name, wrapped] = [piece(), piece()];
    const id = name === null ? null : fromUtf8(name);
    if (id === null || wrapped === null || keys.some((key) => key.id === id)) return null;
    keys.push({ id, wrapped });
  }
  return at === blob.length ? keys : null;
}

function length({ length: bytes }: Uint8Array): Uint8Array {
  return Uint8Array.of(bytes >> 8, bytes & 255);
}
