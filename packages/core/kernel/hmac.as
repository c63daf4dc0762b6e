/** HMAC-SHA256 (RFC 2104, FIPS 180-4), four messages at once, a lane each. Branches depend on lengths only. */
import { DESCRIPTORS, DESCRIPTOR_BYTES, KEYS, MAC_STATES } from './layout';
import { CHAIN, SCHEDULE } from './state';
import { gather, gatherSwapped, scatter, swapBytes } from './lanes';
import { compress } from './sha256-rounds';
import { aadOf, keyOf, lengthOf, slotOf } from './descriptor';

/** Bytes of a padded message: 0x80, zeros and the bit length up to whole blocks; the key block in front counts. */
// @ts-ignore
@inline function paddedLength(length: usize): usize {
  return (length + 72) & ~63;
}

function pad(p: usize, length: usize): usize {
  const end = p + paddedLength(length);
  memory.fill(p + length, 0, end - p - length);
  store<u8>(p + length, 0x80);
  store<u64>(end - 8, bswap<u64>((<u64>length + 64) << 3));
  return paddedLength(length) >> 6;
}

// @ts-ignore
@inline function setInitial(): void {
  v128.store(CHAIN, i32x4.splat(0x6a09e667), 0);
  v128.store(CHAIN, i32x4.splat(0xbb67ae85), 16);
  v128.store(CHAIN, i32x4.splat(0x3c6ef372), 32);
  v128.store(CHAIN, i32x4.splat(0xa54ff53a), 48);
  v128.store(CHAIN, i32x4.splat(0x510e527f), 64);
  v128.store(CHAIN, i32x4.splat(0x9b05688c), 80);
  v128.store(CHAIN, i32x4.splat(0x1f83d9ab), 96);
  v128.store(CHAIN, i32x4.splat(0x5be0cd19), 112);
}

/** The eight chaining words of four lanes as 32 bytes at p0 … p3; big-endian as a digest is, or as they are. */
function storeChain(p0: usize, p1: usize, p2: usize, p3: usize, digest: bool): void {
  for (let at: usize = 0; at < 128; at += 64) {
    let w = v128.load(CHAIN + at, 0), x = v128.load(CHAIN + at, 16);
    let y = v128.load(CHAIN + at, 32), z = v128.load(CHAIN + at, 48);
    if (digest) {
      w = swapBytes(w);
      x = swapBytes(x);
      y = swapBytes(y);
      z = swapBytes(z);
    }
    const half = at >> 2;
    scatter(w, x, y, z, p0 + half, p1 + half, p2 + half, p3 + half);
  }
}

/** Chaining values after key ⊕ ipad and key ⊕ opad of n keys of 32 bytes. Up to three more states are written, of no key. */
export function prepareKeys(n: usize): void {
  for (let i: usize = 0; i < n; i += 4) {
    const key = KEYS + (i << 5), state = MAC_STATES + (i << 6);
    for (let outer: usize = 0; outer < 2; outer++) {
      const fill = i32x4.splat(outer == 0 ? 0x36363636 : 0x5c5c5c5c);
      gatherSwapped(SCHEDULE, key, key + 32, key + 64, key + 96);
      gatherSwapped(SCHEDULE + 64, key + 16, key + 48, key + 80, key + 112);
      for (let at: usize = 0; at < 128; at += 16) {
        v128.store(SCHEDULE + at, v128.xor(v128.load(SCHEDULE + at), fill));
        v128.store(SCHEDULE + 128 + at, fill);
      }
      setInitial();
      compress();
      const to = state + (outer << 5);
      storeChain(to, to + 64, to + 128, to + 192, false);
    }
  }
}

/**
 * MACs of n messages. Slot and length of a descriptor: the message, with 72 bytes of room behind it (a slot has 97). Key: its two states. AAD:
 * where the MAC goes.
 */
export function macAll(n: usize): void {
  for (let i: usize = 0; i < n; i += 4) {
    const count = min<usize>(4, n - i);
    const d0 = DESCRIPTORS + i * DESCRIPTOR_BYTES;
    const d1 = count > 1 ? d0 + DESCRIPTOR_BYTES : d0;
    const d2 = count > 2 ? d0 + 2 * DESCRIPTOR_BYTES : d0;
    const d3 = count > 3 ? d0 + 3 * DESCRIPTOR_BYTES : d0;
    const b0 = pad(slotOf(d0), lengthOf(d0));
    const b1 = pad(slotOf(d1), lengthOf(d1));
    const b2 = pad(slotOf(d2), lengthOf(d2));
    const b3 = pad(slotOf(d3), lengthOf(d3));
    const all = i32x4.replace_lane(
      i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(<i32>b0), 1, <i32>b1), 2, <i32>b2), 3, <i32>b3,
    );
    const blocks = max(max(b0, b1), max(b2, b3));
    gather(CHAIN, keyOf(d0), keyOf(d1), keyOf(d2), keyOf(d3));
    gather(CHAIN + 64, keyOf(d0) + 16, keyOf(d1) + 16, keyOf(d2) + 16, keyOf(d3) + 16);
    for (let b: usize = 0; b < blocks; b++) {
      // A lane whose message has ended computes its first block again, for nothing.
      const p0 = slotOf(d0) + (b < b0 ? b << 6 : 0), p1 = slotOf(d1) + (b < b1 ? b << 6 : 0);
      const p2 = slotOf(d2) + (b < b2 ? b << 6 : 0), p3 = slotOf(d3) + (b < b3 ? b << 6 : 0);
      for (let at: usize = 0; at < 64; at += 16) {
        gatherSwapped(SCHEDULE + (at << 2), p0 + at, p1 + at, p2 + at, p3 + at);
      }
      memory.copy(CHAIN + 128, CHAIN, 128);
      compress();
      const running = i32x4.gt_s(all, i32x4.splat(<i32>b));
      for (let at: usize = CHAIN; at < CHAIN + 128; at += 16) {
        v128.store(at, v128.bitselect(v128.load(at), v128.load(at, 128), running));
      }
    }
    memory.copy(SCHEDULE, CHAIN, 128);
    v128.store(SCHEDULE, i32x4.splat(0x80000000), 128);
    memory.fill(SCHEDULE + 144, 0, 96);
    v128.store(SCHEDULE, i32x4.splat(768), 240);
    gather(CHAIN, keyOf(d0) + 32, keyOf(d1) + 32, keyOf(d2) + 32, keyOf(d3) + 32);
    gather(CHAIN + 64, keyOf(d0) + 48, keyOf(d1) + 48, keyOf(d2) + 48, keyOf(d3) + 48);
    compress();
    storeChain(aadOf(d0), aadOf(d1), aadOf(d2), aadOf(d3), true);
  }
}
