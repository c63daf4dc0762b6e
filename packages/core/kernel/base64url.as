/** Texts of cells: `fs1:` and canonical base64url without padding (spec/format.md §1), 16 characters at a time. Texts are no secret. */
import { FAILED } from './layout';
import { loadUpTo, setVerdict, slotOf, textLengthOf, textOf } from './descriptor';

/** "fs1:" as a little-endian word. */
const PREFIX: u32 = 0x3a317366;

/** Decodes the text of a descriptor into its slot. Its verdict is FAILED for every text but the canonical one of some bytes. */
export function decodeText(d: usize): void {
  let from = textOf(d), to = slotOf(d);
  let left = <i32>textLengthOf(d) - 4;
  let bad = i8x16.splat(0);
  // By high half of a character: 2 has "-" only (bit 1), 3 has 0 to 9 (bit 2), 4 and 6 have all but 0 (bit 4), 5 has 0 to 10 and 15
  // (bit 8), 7 has 0 to 10 (bit 16); any other has nothing (bit 32).
  const forbiddenHigh = v128(32, 32, 1, 2, 4, 8, 4, 16, 32, 32, 32, 32, 32, 32, 32, 32);
  const forbiddenLow = v128(37, 33, 33, 33, 33, 33, 33, 33, 33, 33, 35, 59, 59, 58, 59, 51);
  // What is added to a character of each high half to give its value; "_" needs 33 more than its neighbours.
  const offsets = v128(0, 0, 17, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
  const end = to + <usize>((left * 6) >> 3);
  const wrong = left <= 0 || (left & 3) == 1 || load<u32>(from) != PREFIX;
  from += 4;
  while (left > 0) {
    // Behind the end stands "A", which is zero: the unused bits of the last character then show in the byte after the last one.
    const tail = i8x16.lt_u(
      v128(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
      i8x16.splat(<i8>(left < 16 ? left : 16)),
    );
    const c = v128.bitselect(v128.load(from), i8x16.splat(65), tail);
    // A character is told by its halves: a bit that the tables of both halves have in common forbids it.
    const high = v128.and(i16x8.shr_u(c, 4), i8x16.splat(15));
    const low = v128.and(c, i8x16.splat(15));
    bad = v128.or(bad, v128.and(i8x16.swizzle(forbiddenLow, low), i8x16.swizzle(forbiddenHigh, high)));
    const offset = i8x16.add(
      i8x16.swizzle(offsets, high),
      v128.and(i8x16.eq(c, i8x16.splat(95)), i8x16.splat(33)),
    );
    const x = i8x16.add(c, offset);
    const bits = v128.or(
      v128.or(
        i32x4.shl(v128.and(x, i32x4.splat(0x3f)), 18),
        i32x4.shl(v128.and(x, i32x4.splat(0x3f00)), 4),
      ),
      v128.or(i32x4.shr_u(v128.and(x, i32x4.splat(0x3f0000)), 10), i32x4.shr_u(x, 24)),
    );
    v128.store(to, i8x16.shuffle(bits, bits, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 3, 3, 3, 3));
    from += 16;
    to += 12;
    left -= 16;
  }
  setVerdict(d, wrong || v128.any_true(bad) || load<u8>(end) != 0 ? FAILED : 0);
}

/** Encodes `length` bytes of the slot as the text of a descriptor; up to 16 characters behind it are overwritten. */
export function encodeText(d: usize, length: usize): void {
  let from = slotOf(d), to = textOf(d);
  store<u32>(to, PREFIX);
  to += 4;
  for (let left = <i32>length; left > 0; left -= 12) {
    const b = loadUpTo(from, left);
    const x = i8x16.shuffle(b, b, 2, 1, 0, 15, 5, 4, 3, 15, 8, 7, 6, 15, 11, 10, 9, 15);
    const six = v128.or(
      v128.or(
        v128.and(i32x4.shr_u(x, 18), i32x4.splat(0x3f)),
        v128.and(i32x4.shr_u(x, 4), i32x4.splat(0x3f00)),
      ),
      v128.or(v128.and(i32x4.shl(x, 10), i32x4.splat(0x3f0000)), v128.and(i32x4.shl(x, 24), i32x4.splat(0x3f000000))),
    );
    // 0 → A, 26 → a, 52 → 0, 62 → -, 63 → _
    let c = i8x16.add(six, i8x16.splat(65));
    c = i8x16.add(c, v128.and(i8x16.gt_s(six, i8x16.splat(25)), i8x16.splat(6)));
    c = i8x16.sub(c, v128.and(i8x16.gt_s(six, i8x16.splat(51)), i8x16.splat(75)));
    c = i8x16.sub(c, v128.and(i8x16.gt_s(six, i8x16.splat(61)), i8x16.splat(13)));
    c = i8x16.add(c, v128.and(i8x16.gt_s(six, i8x16.splat(62)), i8x16.splat(49)));
    v128.store(to, c);
    from += 12;
    to += 16;
  }
}
