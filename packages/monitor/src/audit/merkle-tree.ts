/**
 * The Merkle tree of RFC 6962 §2.1: its head, the proof that an entry is in a tree, and the proof that one tree continues another.
 *
 * @module
 */
import { createHash } from 'node:crypto';

const hash = (...parts: readonly Uint8Array[]): Buffer => {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
};
const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/** Hash of a leaf: SHA-256 over a zero byte and the entry. */
export function leafHash(entry: Uint8Array): Buffer {
  return hash(LEAF, entry);
}

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return hash(NODE, left, right);
}

/** The head of a growing tree. It keeps one hash for each bit of its size. */
export class MerkleHead {
  #size = 0;
  readonly #stack: Uint8Array[] = [];

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Takes the next leaf, by its {@link leafHash}. */
  add(leaf: Uint8Array): void {
    let node = leaf;
    // Each full subtree on the right joins the one before it: as many as the size has trailing ones.
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2))
      node = nodeHash(this.#stack.pop() as Uint8Array, node);
    this.#stack.push(node);
    this.#size += 1;
  }

  /** The root: SHA-256 of nothing for an empty tree. */
  root(): Buffer {
    const [last, ...rest] = [...this.#stack].reverse();
    if (last === undefined) return hash();
    return rest.reduce<Buffer>((right, left) => nodeHash(left, right), Buffer.from(last));
  }
}

/** Root of the tree over these leaf hashes. */
export function merkleRoot(leaves: readonly Uint8Array[]): Buffer {
  const head = new MerkleHead();
  for (const leaf of leaves) head.add(leaf);
  return head.root();
}

/** Largest power of two below `size`, which is 2 at least. */
function split(size: number): number {
  let at = 1;
  while (at * 2 < size) at *= 2;
  return at;
}

/** Proof that leaf `index` is in the tree over `leaves` (RFC 6962 §2.1.1, PATH). Throws RangeError for an index outside. */
export function inclusionProof(leaves: readonly Uint8Array[], index: number): Buffer[] {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) throw new RangeError('there is no such leaf');
  if (leaves.length === 1) return [];
  const at = split(leaves.length);
  const [left, right] = [leaves.slice(0, at), leaves.slice(at)];
  return index < at
    ? [...inclusionProof(left, index), merkleRoot(right)]
    : [...inclusionProof(right, index - at), merkleRoot(left)];
}

/** Whether a proof shows that `leaf` has place `index` in the tree of this size and root (RFC 9162 §2.1.3.2). */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  let [fn, sn, node]: [number, number, Buffer] = [index, size - 1, Buffer.from(leaf)];
  for (const part of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      node = nodeHash(part, node);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else node = nodeHash(node, part);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && node.equals(root);
}

/** Proof that the tree over `leaves` continues its own first `size` leaves (RFC 6962 §2.1.2, PROOF). Throws RangeError for another size. */
export function consistencyProof(leaves: readonly Uint8Array[], size: number): Buffer[] {
  if (!Number.isInteger(size) || size < 1 || size > leaves.length) throw new RangeError('there is no such tree');
  const sub = (part: readonly Uint8Array[], m: number, whole: boolean): Buffer[] => {
    if (m === part.length) return whole ? [] : [merkleRoot(part)];
    const at = split(part.length);
    const [left, right] = [part.slice(0, at), part.slice(at)];
    return m <= at ? [...sub(left, m, whole), merkleRoot(right)] : [...sub(right, m - at, false), merkleRoot(left)];
  };
  return sub(leaves, size, true);
}

/** Whether a proof shows that the second tree continues the first (RFC 9162 §2.1.4.2). */
export function verifyConsistency(
  first: { readonly size: number; readonly root: Uint8Array },
  second: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (![first.size, second.size].every(Number.isSafeInteger) || first.size < 1 || first.size > second.size)
    return false;
  const [before, after] = [Buffer.from(first.root), Buffer.from(second.root)];
  if (first.size === second.size) return proof.length === 0 && before.equals(after);
  // A first tree that is full has its own root as the first node, which the proof leaves out.
  const path = isPowerOfTwo(first.size) ? [first.root, ...proof] : [...proof];
  const [start, ...rest] = path;
  if (start === undefined) return false;
  let [fn, sn] = [first.size - 1, second.size - 1];
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)];
  let [fr, sr]: [Buffer, Buffer] = [Buffer.from(start), Buffer.from(start)];
  for (const part of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(part, fr);
      sr = nodeHash(part, sr);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else sr = nodeHash(sr, part);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && fr.equals(before) && sr.equals(after);
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}
