/**
 * Parts of the kernel that are written by a program, since they repeat one pattern with other names. Each function returns the text of one
 * AssemblyScript file.
 */

/** Constants of src/aead/simd/layout.ts, so that both sides know one map of the memory. */
export function layoutSource(typescript) {
  const constants = [...typescript.matchAll(/^export const (\w+) = (\d+);$/gm)];
  return constants.map(([, name, value]) => `export const ${name}: usize = ${value};\n`).join('');
}

const COLUMNS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
];
const DIAGONALS = [
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];

/**
 * The twenty rounds of ChaCha20 (RFC 8439 §2.3) on four states at once: word i of all of them is the vector x_i. The four quarter rounds of
 * a round go in lock step, so that the processor finds independent work.
 */
export function permutationSource() {
  const words = Array.from({ length: 16 }, (_, i) => i);
  return [
    "import { INPUT, OUTPUT } from './state';",
    'export function permute(): void {',
    ...words.map((i) => `let x${i} = v128.load(INPUT, ${16 * i});`),
    'for (let round = 0; round < 10; round++) {',
    ...quarterRounds(COLUMNS),
    ...quarterRounds(DIAGONALS),
    '}',
    ...words.map((i) => `v128.store(OUTPUT, x${i}, ${16 * i});`),
    '}',
  ].join('\n');
}

/** a += b, d = (d ^ a) <<< n, c += d, b = (b ^ c) <<< k; twice (RFC 8439 §2.1). */
function quarterRounds(quads) {
  const each = (write) => quads.map((quad) => write(...quad.map((i) => `x${i}`)));
  return [
    [16, 12],
    [8, 7],
  ].flatMap(([n, k]) => [
    ...each((a, b) => `${a} = i32x4.add(${a}, ${b});`),
    ...each((a, _b, _c, d) => `${d} = v128.xor(${d}, ${a});`),
    ...each((_a, _b, _c, d) => `${d} = ${rotated(d, n)};`),
    ...each((_a, _b, c, d) => `${c} = i32x4.add(${c}, ${d});`),
    ...each((_a, b, c) => `${b} = v128.xor(${b}, ${c});`),
    ...each((_a, b) => `${b} = ${rotated(b, k)};`),
  ]);
}

/** Rotation to the left. By 16 bits a shuffle of half words is the fastest, by others two shifts. */
function rotated(x, bits) {
  return bits === 16
    ? `i8x16.shuffle(${x}, ${x}, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)`
    : `v128.or(i32x4.shl(${x}, ${bits}), i32x4.shr_u(${x}, ${32 - bits}))`;
}

/** Rotation to the right, as FIPS 180-4 writes it. */
function rotr(x, bits) {
  return rotated(x, 32 - bits);
}

function xor3(a, b, c) {
  return `v128.xor(v128.xor(${a}, ${b}), ${c})`;
}

/** Rounds that are written out; a power of two, so that the eight working variables are back in their places. */
const UNROLLED = 8;

/**
 * The SHA-256 compression function (FIPS 180-4 §6.2.2) on four lanes: words 0 to 15 of the schedule are there, the chaining value is replaced.
 * Between rounds the working variables change their names, not their places.
 */
export function sha256Source() {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const body = [];
  for (let round = 0; round < UNROLLED; round++) {
    const [a, b, c, d, e, f, g, h] = names.map((_, i) => names[(i - round + 8) % 8]);
    const sum1 = xor3(rotr(e, 6), rotr(e, 11), rotr(e, 25));
    const sum0 = xor3(rotr(a, 2), rotr(a, 13), rotr(a, 22));
    body.push(
      `t = i32x4.add(i32x4.add(${h}, ${sum1}), i32x4.add(v128.bitselect(${f}, ${g}, ${e}),`,
      `  i32x4.add(v128.load(SCHEDULE + (r << 4), ${16 * round}), v128.load32_splat(K + (r << 2), ${4 * round}))));`,
      `${d} = i32x4.add(${d}, t);`,
      `${h} = i32x4.add(t, i32x4.add(${sum0}, v128.bitselect(${c}, ${b}, v128.xor(${a}, ${b}))));`,
    );
  }
  return [
    "import { CHAIN, SCHEDULE } from './state';",
    `const K = memory.data<u32>([${roundConstants().join(', ')}]);`,
    'export function compress(): void {',
    'for (let w: usize = SCHEDULE + 256; w < SCHEDULE + 1024; w += 16) {',
    'const x = v128.load(w - 240), y = v128.load(w - 32);',
    `const s0 = ${xor3(rotr('x', 7), rotr('x', 18), 'i32x4.shr_u(x, 3)')};`,
    `const s1 = ${xor3(rotr('y', 17), rotr('y', 19), 'i32x4.shr_u(y, 10)')};`,
    'v128.store(w, i32x4.add(i32x4.add(v128.load(w - 256), s0), i32x4.add(v128.load(w - 112), s1)));',
    '}',
    ...names.map((name, i) => `let ${name} = v128.load(CHAIN, ${16 * i});`),
    'let t: v128;',
    `for (let r: usize = 0; r < 64; r += ${UNROLLED}) {`,
    ...body,
    '}',
    ...names.map((name, i) => `v128.store(CHAIN, i32x4.add(v128.load(CHAIN, ${16 * i}), ${name}), ${16 * i});`),
    '}',
  ].join('\n');
}

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2), in whole numbers only. */
function roundConstants() {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes.map((prime) => `0x${(cubeRoot(BigInt(prime) << 96n) & 0xffffffffn).toString(16)}`);
}

/** The largest whole number whose cube is at most n. */
function cubeRoot(n) {
  let root = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) if ((root + bit) ** 3n <= n) root += bit;
  return root;
}
