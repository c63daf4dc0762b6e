/** Fields of a descriptor, and the cell that its slot holds: header 9 | nonce 24 | data | tag 16 (spec/format.md §1). */

// @ts-ignore
@inline export function slotOf(d: usize): usize { return load<u32>(d, 0); }
// @ts-ignore
@inline export function lengthOf(d: usize): usize { return load<u32>(d, 4); }
// @ts-ignore
@inline export function keyOf(d: usize): usize { return load<u32>(d, 8); }
// @ts-ignore
@inline export function aadOf(d: usize): usize { return load<u32>(d, 12); }
// @ts-ignore
@inline export function aadLengthOf(d: usize): usize { return load<u32>(d, 16); }
// @ts-ignore
@inline export function verdictOf(d: usize): usize { return load<u32>(d, 20); }
// @ts-ignore
@inline export function setVerdict(d: usize, verdict: usize): void { store<u32>(d, verdict, 20); }
// @ts-ignore
@inline export function textOf(d: usize): usize { return load<u32>(d, 24); }
// @ts-ignore
@inline export function textLengthOf(d: usize): usize { return load<u32>(d, 28); }
// @ts-ignore
@inline export function nonceOf(d: usize): usize { return slotOf(d) + 9; }
// @ts-ignore
@inline export function dataOf(d: usize): usize { return slotOf(d) + 33; }

/** 16 bytes at p, of which those from `length` on read as zero. */
// @ts-ignore
@inline export function loadUpTo(p: usize, length: usize): v128 {
  const position = v128(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const limit = i8x16.splat(<i8>(length < 16 ? length : 16));
  return v128.and(v128.load(p), i8x16.lt_u(position, limit));
}
