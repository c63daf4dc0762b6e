/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03; RFC 8439) on the records of a batch, in place. Two ways give the same bytes:
 * group() computes up to four records at once, a lane each; alone() one record, a lane for each of four consecutive blocks.
 *
 * Branches and addresses depend on lengths, counts and verdicts, never on keys, plaintext or key stream.
 */
import { DESCRIPTORS, DESCRIPTOR_BYTES, FAILED, MAX_DATA, NOT_ASCII } from './layout';
import { COUNTS, INPUT, ONE_TIME, ORDER, OUTPUT, SINK, STREAM, TAG } from './state';
import { blockWords, gather, hi64, lo64, tr0, xorBlocks } from './lanes';
import { permute } from './permutation';
import { poly1305 } from './poly1305';
import {
  aadLengthOf, aadOf, dataOf, keyOf, lengthOf, loadUpTo, nonceOf, setVerdict, slotOf, verdictOf,
} from './descriptor';

// @ts-ignore
@inline function blocksOf(length: usize): usize {
  return (length + 63) >> 6;
}

/** "expand 32-byte k" in rows 0 to 3. */
// @ts-ignore
@inline function setConstants(): void {
  v128.store(INPUT, i32x4.splat(0x61707865), 0);
  v128.store(INPUT, i32x4.splat(0x3320646e), 16);
  v128.store(INPUT, i32x4.splat(0x79622d32), 32);
  v128.store(INPUT, i32x4.splat(0x6b206574), 48);
}

/** HChaCha20: rows 0–3 and 12–15 after the permutation, without the addition, are the key of the second nonce. It stays in its lanes. */
// @ts-ignore
@inline function useSubkey(): void {
  memory.copy(INPUT + 64, OUTPUT, 64);
  memory.copy(INPUT + 128, OUTPUT + 192, 64);
}

/** Whether the tag behind the data is the right one. The comparison takes the same time wherever they differ. */
function verify(d: usize, oneTime: usize): bool {
  const data = dataOf(d), length = lengthOf(d);
  poly1305(TAG, oneTime, aadOf(d), aadLengthOf(d), data, length);
  return !v128.any_true(v128.xor(v128.load(TAG), v128.load(data + length)));
}

// @ts-ignore
@inline function check(d: usize, oneTime: usize): void {
  setVerdict(d, verify(d, oneTime) ? 0 : FAILED);
}

// @ts-ignore
@inline function seal(d: usize, oneTime: usize): void {
  const data = dataOf(d), length = lengthOf(d);
  poly1305(data + length, oneTime, aadOf(d), aadLengthOf(d), data, length);
}

/** Where block b of a record goes: nowhere when the record is shorter or does not open. */
// @ts-ignore
@inline function target(d: usize, b: usize, there: bool): usize {
  return there && b << 6 < lengthOf(d) && verdictOf(d) == 0 ? dataOf(d) + (b << 6) : <usize>SINK;
}

/** Up to four records; lanes behind `count` repeat the first and write to SINK. `blocks`: those of the longest. */
function group(d0: usize, d1: usize, d2: usize, d3: usize, count: usize, blocks: usize, open: bool): void {
  setConstants();
  gather(INPUT + 64, keyOf(d0), keyOf(d1), keyOf(d2), keyOf(d3));
  gather(INPUT + 128, keyOf(d0) + 16, keyOf(d1) + 16, keyOf(d2) + 16, keyOf(d3) + 16);
  gather(INPUT + 192, nonceOf(d0), nonceOf(d1), nonceOf(d2), nonceOf(d3));
  permute();
  useSubkey();

  v128.store(INPUT, i32x4.splat(0), 192);
  v128.store(INPUT, i32x4.splat(0), 208);
  const a = v128.load64_zero(nonceOf(d0) + 16), b = v128.load64_zero(nonceOf(d1) + 16);
  const c = v128.load64_zero(nonceOf(d2) + 16), d = v128.load64_zero(nonceOf(d3) + 16);
  const t0 = tr0(a, b), t2 = tr0(c, d);
  v128.store(INPUT, lo64(t0, t2), 224);
  v128.store(INPUT, hi64(t0, t2), 240);
  permute();
  blockWords(0, ONE_TIME, ONE_TIME + 32, ONE_TIME + 64, ONE_TIME + 96);
  blockWords(1, ONE_TIME + 16, ONE_TIME + 48, ONE_TIME + 80, ONE_TIME + 112);

  // All tags first: a record that fails is never decrypted, and its neighbours are none the worse.
  if (open) {
    check(d0, ONE_TIME);
    if (count > 1) check(d1, ONE_TIME + 32);
    if (count > 2) check(d2, ONE_TIME + 64);
    if (count > 3) check(d3, ONE_TIME + 96);
  }
  for (let n: usize = 0; n < blocks; n++) {
    v128.store(INPUT, i32x4.splat(<i32>n + 1), 192);
    permute();
    xorBlocks(target(d0, n, true), target(d1, n, count > 1), target(d2, n, count > 2), target(d3, n, count > 3));
  }
  if (!open) {
    seal(d0, ONE_TIME);
    if (count > 1) seal(d1, ONE_TIME + 32);
    if (count > 2) seal(d2, ONE_TIME + 64);
    if (count > 3) seal(d3, ONE_TIME + 96);
  }
}

/** One record: lane 0 of the first four blocks is the one-time key, lanes 1 to 3 are the key stream of the first 192 bytes. */
function alone(d: usize, open: bool): void {
  const data = dataOf(d), length = lengthOf(d), key = keyOf(d), nonce = nonceOf(d);
  setConstants();
  gather(INPUT + 64, key, key, key, key);
  gather(INPUT + 128, key + 16, key + 16, key + 16, key + 16);
  gather(INPUT + 192, nonce, nonce, nonce, nonce);
  permute();
  useSubkey();

  v128.store(INPUT, i32x4(0, 1, 2, 3), 192);
  v128.store(INPUT, i32x4.splat(0), 208);
  v128.store(INPUT, v128.load32_splat(nonce + 16), 224);
  v128.store(INPUT, v128.load32_splat(nonce + 20), 240);
  permute();
  for (let q: usize = 0; q < 4; q++) {
    const at = STREAM + (q << 4);
    blockWords(q, at, at + 64, at + 128, at + 192);
  }

  if (open) {
    check(d, STREAM);
    if (verdictOf(d) != 0) return;
  }
  const first = min<usize>(blocksOf(length) << 6, 192);
  for (let at: usize = 0; at < first; at += 16) {
    v128.store(data + at, v128.xor(v128.load(data + at), v128.load(STREAM + 64 + at)));
  }
  for (let n: usize = 3; n < blocksOf(length); n += 4) {
    v128.store(INPUT, i32x4.add(v128.load(INPUT, 192), i32x4.splat(4)), 192);
    permute();
    xorBlocks(target(d, n, true), target(d, n + 1, true), target(d, n + 2, true), target(d, n + 3, true));
  }
  if (!open) seal(d, STREAM);
}

// @ts-ignore
@inline function ordered(at: usize): usize {
  return load<u32>(ORDER + (at << 2));
}

// @ts-ignore
@inline function place(at: usize, d: usize): void {
  store<u32>(ORDER + (at << 2), <u32>d);
}

/** Lists the records by number of blocks: a group costs what its longest record costs. */
function order(n: usize): void {
  if (n <= 4) insertionSort(n);
  else countingSort(n);
}

/** For a group alone, where the counters would take longer than the work. */
function insertionSort(n: usize): void {
  for (let i: usize = 0; i < n; i++) {
    const d = DESCRIPTORS + i * DESCRIPTOR_BYTES;
    let at = i;
    for (; at > 0 && lengthOf(ordered(at - 1)) > lengthOf(d); at--) place(at, ordered(at - 1));
    place(at, d);
  }
}

function countingSort(n: usize): void {
  memory.fill(COUNTS, 0, ((MAX_DATA >> 6) + 2) << 2);
  const end = DESCRIPTORS + n * DESCRIPTOR_BYTES;
  for (let d: usize = DESCRIPTORS; d < end; d += DESCRIPTOR_BYTES) {
    const counter = COUNTS + (blocksOf(lengthOf(d)) << 2);
    store<u32>(counter, load<u32>(counter) + 1);
  }
  let before: usize = 0;
  for (let counter: usize = COUNTS; before < n; counter += 4) {
    const count = load<u32>(counter);
    store<u32>(counter, before);
    before += count;
  }
  for (let d: usize = DESCRIPTORS; d < end; d += DESCRIPTOR_BYTES) {
    const counter = COUNTS + (blocksOf(lengthOf(d)) << 2);
    const at = load<u32>(counter);
    store<u32>(counter, at + 1);
    place(at, d);
  }
}

/** Permutations that alone() needs. */
// @ts-ignore
@inline function costAlone(d: usize): usize {
  const blocks = blocksOf(lengthOf(d));
  return 2 + (blocks <= 3 ? 0 : blocks >> 2);
}

/** Seals or opens the first n records. Verdicts are 0 or FAILED; the data of a record that failed is as it was. */
export function process(n: usize, open: bool): void {
  order(n);
  for (let at: usize = 0; at < n; ) {
    const count = min<usize>(4, n - at);
    const d0 = ordered(at);
    const d1 = count > 1 ? ordered(at + 1) : d0;
    const d2 = count > 2 ? ordered(at + 2) : d0;
    const d3 = count > 3 ? ordered(at + 3) : d0;
    const blocks = blocksOf(lengthOf(ordered(at + count - 1)));
    let apart = costAlone(d0);
    if (count > 1) apart += costAlone(d1);
    if (count > 2) apart += costAlone(d2);
    if (count > 3) apart += costAlone(d3);
    if (count > 1 && blocks + 2 <= apart) {
      group(d0, d1, d2, d3, count, blocks, open);
      at += count;
    } else {
      alone(d0, open);
      at += 1;
    }
  }
}

/** Adds NOT_ASCII to the verdict of records that opened, where a byte behind the type tag has its highest bit set. */
export function findNonAscii(n: usize): void {
  const end = DESCRIPTORS + n * DESCRIPTOR_BYTES;
  for (let d: usize = DESCRIPTORS; d < end; d += DESCRIPTOR_BYTES) {
    if (verdictOf(d) != 0) continue;
    let seen = i8x16.splat(0);
    let p = dataOf(d) + 1;
    for (let left = <i32>lengthOf(d) - 1; left > 0; left -= 16, p += 16) seen = v128.or(seen, loadUpTo(p, left));
    if (i8x16.bitmask(seen) != 0) setVerdict(d, NOT_ASCII);
  }
}

/** Writes header and nonce in front of the data of n records. */
export function stampAll(n: usize, header: usize, nonces: usize): void {
  for (let i: usize = 0; i < n; i++) {
    const slot = slotOf(DESCRIPTORS + i * DESCRIPTOR_BYTES);
    store<u64>(slot, load<u64>(header));
    store<u8>(slot, load<u8>(header, 8), 8);
    const nonce = nonces + i * 24;
    v128.store(slot, v128.load(nonce), 9);
    store<u64>(slot, load<u64>(nonce, 16), 25);
  }
}
