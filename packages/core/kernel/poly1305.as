/**
 * Poly1305 (RFC 8439 §2.5) over AAD ‖ data ‖ lengths, each padded with zeros to 16 bytes (RFC 8439 §2.8).
 *
 * Numbers are limbs of 32 bits in u64. After the clamp r1, r2 and r3 are multiples of 4; with 2^130 = 5 (mod p) a product that reaches
 * 2^128 therefore folds back by c_j = 5 (r_j / 4), and h4 r0 by 5 (r0 >> 2) and r0 & 3. The approach is Monocypher's (Loup Vaillant).
 * Bounds: a0 … a3 < 2^33, a4 < 2^4, r_j < 2^28, c_j < 1.25 · 2^28, so every sum stays below 2^64.
 */
import { LENGTHS } from './state';
import { loadUpTo } from './descriptor';

/** Writes the 16-byte tag to `tag`; `key` is the 32-byte one-time key. Branches depend on the lengths only. */
export function poly1305(tag: usize, key: usize, aad: usize, aadLength: usize, data: usize, length: usize): void {
  const r0 = <u64>(load<u32>(key, 0) & 0x0fffffff);
  const r1 = <u64>(load<u32>(key, 4) & 0x0ffffffc);
  const r2 = <u64>(load<u32>(key, 8) & 0x0ffffffc);
  const r3 = <u64>(load<u32>(key, 12) & 0x0ffffffc);
  const c1 = r1 + (r1 >> 2), c2 = r2 + (r2 >> 2), c3 = r3 + (r3 >> 2);
  const c4 = (r0 >> 2) * 5, m = r0 & 3;
  let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0, h4: u64 = 0;

  store<u64>(LENGTHS, <u64>aadLength, 0);
  store<u64>(LENGTHS, <u64>length, 8);
  for (let part = 0; part < 3; part++) {
    let p = part == 0 ? aad : part == 1 ? data : <usize>LENGTHS;
    let left = <i32>(part == 0 ? aadLength : part == 1 ? length : 16);
    while (left > 0) {
      let low: u64, high: u64;
      if (left >= 16) {
        low = load<u64>(p, 0);
        high = load<u64>(p, 8);
      } else {
        const block = loadUpTo(p, left);
        low = i64x2.extract_lane(block, 0);
        high = i64x2.extract_lane(block, 1);
      }
      const a0 = h0 + (low & 0xffffffff), a1 = h1 + (low >> 32);
      const a2 = h2 + (high & 0xffffffff), a3 = h3 + (high >> 32);
      const a4 = h4 + 1;
      const p0 = a0 * r0 + a1 * c3 + a2 * c2 + a3 * c1 + a4 * c4;
      const p1 = a0 * r1 + a1 * r0 + a2 * c3 + a3 * c2 + a4 * c1;
      const p2 = a0 * r2 + a1 * r1 + a2 * r0 + a3 * c3 + a4 * c2;
      const p3 = a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * c3;
      const top = a4 * m + (p3 >> 32);
      const s0 = (p0 & 0xffffffff) + (top >> 2) * 5;
      const s1 = (p1 & 0xffffffff) + (p0 >> 32) + (s0 >> 32);
      const s2 = (p2 & 0xffffffff) + (p1 >> 32) + (s1 >> 32);
      const s3 = (p3 & 0xffffffff) + (p2 >> 32) + (s2 >> 32);
      h0 = s0 & 0xffffffff;
      h1 = s1 & 0xffffffff;
      h2 = s2 & 0xffffffff;
      h3 = s3 & 0xffffffff;
      h4 = (top & 3) + (s3 >> 32);
      p += 16;
      left -= 16;
    }
  }

  // h < 2p, so h mod p = h + 5k mod 2^130 with k = 1 exactly if h + 5 reaches 2^130; only the low 128 bits matter.
  let carry = (h0 + 5) >> 32;
  carry = (h1 + carry) >> 32;
  carry = (h2 + carry) >> 32;
  carry = (h3 + carry) >> 32;
  const k = (h4 + carry) >> 2;
  h0 += k * 5 + <u64>load<u32>(key, 16);
  h1 += (h0 >> 32) + <u64>load<u32>(key, 20);
  h2 += (h1 >> 32) + <u64>load<u32>(key, 24);
  h3 += (h2 >> 32) + <u64>load<u32>(key, 28);
  store<u32>(tag, <u32>h0, 0);
  store<u32>(tag, <u32>h1, 4);
  store<u32>(tag, <u32>h2, 8);
  store<u32>(tag, <u32>h3, 12);
}
