import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  MerkleHead,
  merkleRoot,
  verifyConsistency,
  verifyInclusion,
} from '../src/audit/merkle-tree.ts';

/** The test tree of the reference implementation of Certificate Transparency. */
const ENTRIES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

test('roots are those of the reference implementation', () => {
  const leaves = ENTRIES.map((hex) => leafHash(Buffer.from(hex, 'hex')));
  expect(ROOTS.map((_, size) => merkleRoot(leaves.slice(0, size)).toString('hex'))).toEqual(ROOTS);
});

/** RFC 6962 §2.1 as it is written, split at the largest power of two. */
function definition(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return only;
  const at = 2 ** Math.floor(Math.log2(leaves.length - 1));
  const halves = [definition(leaves.slice(0, at)), definition(leaves.slice(at))];
  return createHash('sha256').update(Buffer.of(1)).update(Buffer.concat(halves)).digest();
}

const LEAVES = Array.from({ length: 300 }, (_, at) => leafHash(Buffer.from(`entry ${at}`)));

test('the growing head has the root of the definition at every size', () => {
  const head = new MerkleHead();
  for (const [at, leaf] of LEAVES.entries()) {
    head.add(leaf);
    expect(head.size).toBe(at + 1);
    if (at < 70 || at > 290) expect(head.root().equals(definition(LEAVES.slice(0, at + 1)))).toBe(true);
  }
});

test('inclusion is proved for every leaf, and for no other leaf, place, size, root or proof', () => {
  for (let size = 1; size <= 24; size++) {
    const leaves = LEAVES.slice(0, size);
    const root = merkleRoot(leaves);
    for (let at = 0; at < size; at++) {
      const leaf = leaves[at] as Buffer;
      const proof = inclusionProof(leaves, at);
      expect(verifyInclusion(leaf, at, size, proof, root)).toBe(true);
      expect(verifyInclusion(LEAVES[299] as Buffer, at, size, proof, root)).toBe(false);
      expect(verifyInclusion(leaf, at + 1, size, proof, root)).toBe(false);
      expect(verifyInclusion(leaf, at, size, [...proof, root], root)).toBe(false);
      expect(verifyInclusion(leaf, at, size, proof, leaf) && size > 1).toBe(false);
      if (proof.length > 0) {
        expect(verifyInclusion(leaf, at, size, proof.slice(1), root)).toBe(false);
        expect(verifyInclusion(leaf, at, size, [leafHash(leaf), ...proof.slice(1)], root)).toBe(false);
      }
    }
  }
  expect(verifyInclusion(LEAVES[0] as Buffer, -1, 3, [], ENTRIES.map(Buffer.from)[0] as Buffer)).toBe(false);
  expect(() => inclusionProof(LEAVES, 300)).toThrow(RangeError);
});

test('consistency is proved between all sizes, and not between other trees', () => {
  for (let second = 1; second <= 20; second++)
    for (let first = 1; first <= second; first++) {
      const leaves = LEAVES.slice(0, second);
      const [a, b] = [
        { size: first, root: merkleRoot(leaves.slice(0, first)) },
        { size: second, root: merkleRoot(leaves) },
      ];
      const proof = consistencyProof(leaves, first);
      expect(verifyConsistency(a, b, proof)).toBe(true);
      const other = merkleRoot(LEAVES.slice(100, 100 + first));
      expect(verifyConsistency({ size: first, root: other }, b, proof)).toBe(false);
      expect(verifyConsistency(a, { size: second, root: other }, proof)).toBe(false);
      expect(verifyConsistency(a, b, [...proof, other])).toBe(false);
      if (proof.length > 0) expect(verifyConsistency(a, b, proof.slice(1))).toBe(false);
      if (first < second) expect(verifyConsistency(b, a, proof)).toBe(false);
    }
  expect(() => consistencyProof(LEAVES, 0)).toThrow(RangeError);
});
