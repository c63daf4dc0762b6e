/**
 * Between memory and lanes: four records lie in memory as rows; the kernel computes on columns, lane l of a vector belonging to record l.
 * tr0 … hi64 are the steps of the 4×4 transposition of 32-bit words.
 */
import { INPUT, OUTPUT } from './state';

// @ts-ignore
@inline export function tr0(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
}
// @ts-ignore
@inline export function tr1(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
}
// @ts-ignore
@inline export function lo64(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}
// @ts-ignore
@inline export function hi64(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}
// @ts-ignore
@inline export function swapBytes(a: v128): v128 {
  return i8x16.shuffle(a, a, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** Stores four vectors at `to`: word i of the 16 bytes at p0 … p3 becomes vector i. */
export function gather(to: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  const a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), d = v128.load(p3);
  const t0 = tr0(a, b), t1 = tr1(a, b), t2 = tr0(c, d), t3 = tr1(c, d);
  v128.store(to, lo64(t0, t2), 0);
  v128.store(to, hi64(t0, t2), 16);
  v128.store(to, lo64(t1, t3), 32);
  v128.store(to, hi64(t1, t3), 48);
}

/** As gather(), each word read as big-endian. */
export function gatherSwapped(to: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  gather(to, p0, p1, p2, p3);
  for (let i: usize = 0; i < 64; i += 16) v128.store(to + i, swapBytes(v128.load(to + i)));
}

/** The reverse: lane l of the four vectors becomes 16 bytes at p0 … p3. */
// @ts-ignore
@inline export function scatter(w: v128, x: v128, y: v128, z: v128, p0: usize, p1: usize, p2: usize, p3: usize): void {
  const t0 = tr0(w, x), t1 = tr1(w, x), t2 = tr0(y, z), t3 = tr1(y, z);
  v128.store(p0, lo64(t0, t2));
  v128.store(p1, hi64(t0, t2));
  v128.store(p2, lo64(t1, t3));
  v128.store(p3, hi64(t1, t3));
}

/** Vector i of a ChaCha block: state before and after the permutation, added. */
// @ts-ignore
@inline function sum(at: usize): v128 {
  return i32x4.add(v128.load(at + INPUT), v128.load(at + OUTPUT));
}

/** Stores words 4q … 4q+3 of four ChaCha blocks. */
export function blockWords(q: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  const at = q << 6;
  scatter(sum(at), sum(at + 16), sum(at + 32), sum(at + 48), p0, p1, p2, p3);
}

/** XORs four ChaCha blocks of 64 bytes into memory. */
export function xorBlocks(p0: usize, p1: usize, p2: usize, p3: usize): void {
  for (let at: usize = 0; at < 256; at += 64) {
    const w = sum(at), x = sum(at + 16), y = sum(at + 32), z = sum(at + 48);
    const t0 = tr0(w, x), t1 = tr1(w, x), t2 = tr0(y, z), t3 = tr1(y, z);
    v128.store(p0, v128.xor(v128.load(p0), lo64(t0, t2)));
    v128.store(p1, v128.xor(v128.load(p1), hi64(t0, t2)));
    v128.store(p2, v128.xor(v128.load(p2), lo64(t1, t3)));
    v128.store(p3, v128.xor(v128.load(p3), hi64(t1, t3)));
    p0 += 16; p1 += 16; p2 += 16; p3 += 16;
  }
}
