import { randomBytes } from 'node:crypto';
import { fromHex, utf8 } from '../bytes.ts';
import { decodeCell, encodeHeader, NONCE_BYTES } from '../cell.ts';
import { KEY_BYTES } from '../kdf.ts';
import { SUITES, type SuiteId, XAES_256_GCM, XCHACHA20_POLY1305 } from '../suite.ts';
import { encodeValue } from '../value.ts';
import type { CellEngine, SealJob } from './cell-engine.ts';
import type { AeadEngine, AeadMessage } from './engine.ts';
import { messageCells } from './message-cells.ts';
import { nativeEngine } from './native.ts';
import { NoncePool } from './nonce-pool.ts';

/** Lengths of the random messages: none, parts of blocks and whole ones. Few, since every start of a process waits for them. */
const LENGTHS = [77, 0, 64, 300];

/** OpenSSL: what the tests hold against @noble/ciphers, which takes too long to load at every start. */
const reference = messageCells(nativeEngine);

/** Published messages under a key and a nonce, and what they become. */
const KNOWN_ANSWERS: readonly (AeadMessage & { readonly sealed: Uint8Array })[] = [
  {
    // draft-irtf-cfrg-xchacha-03, A.3.1
    suite: XCHACHA20_POLY1305,
    key: Uint8Array.from({ length: KEY_BYTES }, (_, at) => 0x80 + at),
    nonce: Uint8Array.from({ length: NONCE_BYTES }, (_, at) => 0x40 + at),
    aad: hex('50515253c0c1c2c3c4c5c6c7'),
    data: utf8(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    ),
    sealed: hex(
      'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39',
      'ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9',
      '21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49',
    ),
  },
  {
    // C2SP XAES-256-GCM, second test vector
    suite: XAES_256_GCM,
    key: new Uint8Array(KEY_BYTES).fill(3),
    nonce: utf8('ABCDEFGHIJKLMNOPQRSTUVWX'),
    aad: utf8('c2sp.org/XAES-256-GCM'),
    data: utf8('XAES-256-GCM'),
    sealed: hex('986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'),
  },
];

/**
 * Whether an engine gives the published answers, and under every suite the bytes of the reference engine; opens them, and refuses one with a
 * flipped bit among others; by its own way to make cells too, if it has one.
 */
export function selfTest(engine: AeadEngine): boolean {
  try {
    const suites = Object.keys(SUITES).map((id) => Number(id) as SuiteId);
    return (
      equal(
        engine.encrypt(KNOWN_ANSWERS),
        KNOWN_ANSWERS.map(({ sealed }) => sealed),
      ) &&
      suites.every((suite) => agrees(engine, suite)) &&
      (engine.cells === undefined || suites.every((suite) => cellsAgree(engine.cells as CellEngine, suite)))
    );
  } catch {
    return false; // for example OpenSSL built without ChaCha20, or no WebAssembly
  }
}

function agrees(engine: AeadEngine, suite: SuiteId): boolean {
  const batch = LENGTHS.map((length): AeadMessage => {
    const random = { suite, key: randomBytes(KEY_BYTES), nonce: randomBytes(NONCE_BYTES), aad: randomBytes(9) };
    return { ...random, data: randomBytes(length) };
  });
  const sealed = engine.encrypt(batch);
  if (!equal(sealed, nativeEngine.encrypt(batch))) return false;
  const forged = batch.map((message, at) => ({ ...message, data: sealed[at] as Uint8Array }));
  const first = forged[0] as AeadMessage;
  forged[0] = { ...first, data: first.data.map((byte, at) => (at === 3 ? byte ^ 1 : byte)) };
  return equal(
    engine.decrypt(forged),
    batch.map(({ data }, at) => (at === 0 ? null : data)),
  );
}

/** Cells of texts must hold what the reference engine finds in them, and come back as those texts. */
function cellsAgree(cells: CellEngine, suite: SuiteId): boolean {
  const key = randomBytes(KEY_BYTES);
  const values = ['', 'Zażółć', 'x'.repeat(200)];
  const jobs = values.map((plaintext): SealJob => ({ key, aad: null, plaintext, text: true }));
  const texts = cells.seal(suite, encodeHeader(suite, '0123456789abcdef'), jobs, new NoncePool()) as string[];
  const parsed = cells.parse(texts).map((cell, at) => cell ?? decodeCell(texts[at] as string));
  const openJobs = parsed.map((cell) => ({ key, cell, aad: null, text: true }));
  const plaintexts = values.map((value) => encodeValue('String', value, null));
  const opened = cells.open(openJobs).map((one) => (typeof one === 'string' ? encodeValue('String', one, null) : one));
  return equal(reference.open(openJobs) as Uint8Array[], plaintexts) && equal(opened, plaintexts);
}

function equal(found: readonly (Uint8Array | null)[], expected: readonly (Uint8Array | null)[]): boolean {
  return (
    found.length === expected.length &&
    expected.every((bytes, at) => {
      const other = found[at];
      return bytes === null || other == null ? bytes === other : Buffer.compare(other, bytes) === 0;
    })
  );
}

function hex(...lines: readonly string[]): Uint8Array {
  return fromHex(lines.join('')) as Uint8Array;
}
