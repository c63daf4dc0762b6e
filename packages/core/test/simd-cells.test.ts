import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CellEngine, OpenJob, SealJob } from '../src/aead/cell-engine.ts';
import { messageCells } from '../src/aead/message-cells.ts';
import { nativeEngine } from '../src/aead/native.ts';
import { nobleEngine } from '../src/aead/noble.ts';
import { NoncePool } from '../src/aead/nonce-pool.ts';
import { simdCells } from '../src/aead/simd/cells.ts';
import { MAX_DATA } from '../src/aead/simd/layout.ts';
import { fromHex, toBase64Url, toHex, utf8 } from '../src/bytes.ts';
import { type Cell, decodeCell, encodeCellText, encodeHeader } from '../src/cell.ts';
import { cellAad } from '../src/context.ts';
import { FieldCipher } from '../src/field-cipher.ts';
import type { FieldSpec } from '../src/field-spec.ts';
import { deriveFieldKey, deriveKeyId } from '../src/kdf.ts';
import { DataKey, IndexRoot, type KeyView } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import type { SuiteId } from '../src/suite.ts';
import { encodeValue, type ValueType } from '../src/value.ts';
import { codeOf } from './error-code.ts';
import { fieldSpec } from './field-specs.ts';
import { SeededBytes } from './random-messages.ts';

const HEADER = encodeHeader(0x11, '0123456789abcdef');
const KEYS = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
const PATHS: readonly (readonly [string, CellEngine])[] = [
  ['native', messageCells(nativeEngine)],
  ['noble', messageCells(nobleEngine)],
];

const TEXTS = [
  '',
  'a',
  'ada@example.com',
  'Zażółć gęślą jaźń',
  '👩‍⚕️',
  '\ufeffwith a mark',
  '\u0000',
  '\u007f',
  '\u0080',
  'ÿ',
  '漢字'.repeat(200),
  'x'.repeat(MAX_DATA - 1),
  'x'.repeat(MAX_DATA),
  'é'.repeat(MAX_DATA / 2),
  'x'.repeat(100_000),
];

function sealJobs(plaintexts: readonly (string | Uint8Array)[], text = true): SealJob[] {
  return plaintexts.map((plaintext, at) => ({
    key: KEYS[at % 3] as Uint8Array,
    aad: at % 4 === 3 ? Buffer.concat([HEADER, Buffer.alloc(32, at)]) : null,
    plaintext,
    text,
  }));
}

function openJobs(jobs: readonly SealJob[], cells: readonly Cell[]): OpenJob[] {
  return jobs.map(({ key, aad }, at) => ({ key, aad, cell: cells[at] as Cell, text: true }));
}

/** Text as bytes with its type tag. */
function plain(opened: string | Uint8Array | null): string | null {
  if (opened === null) return null;
  return toHex(typeof opened === 'string' ? encodeValue('String', opened, null) : opened);
}

function parsed(texts: readonly string[]): Cell[] {
  return simdCells.parse(texts).map((cell, at) => cell ?? decodeCell(texts[at] as string));
}

describe('cells made in the memory of the kernel', () => {
  it.each(PATHS)('are opened by %s, and the other way round', (_name, other) => {
    for (const suite of [0x11, 0x12] as const) {
      const header = encodeHeader(suite, '0123456789abcdef');
      const jobs = sealJobs([...TEXTS, utf8('bytes'), new Uint8Array(5000)]).map((job) => ({
        ...job,
        aad: job.aad === null ? null : Buffer.concat([header, Buffer.alloc(32)]),
      }));
      const expected = jobs.map(({ plaintext }) => plain(plaintext));
      for (const [writer, reader] of [
        [simdCells, other],
        [other, simdCells],
        [simdCells, simdCells],
      ] as const) {
        const texts = writer.seal(suite, header, jobs, new NoncePool()) as string[];
        for (const text of texts) expect(encodeCellText(bytesOf(decodeCell(text)))).toBe(text);
        expect(reader.open(openJobs(jobs, texts.map(decodeCell))).map(plain)).toEqual(expected);
        expect(reader.open(openJobs(jobs, parsed(texts))).map(plain)).toEqual(expected);
      }
    }
  });

  it('are bytes where bytes are wanted, and texts where texts are', () => {
    const mixed = sealJobs(['ada', 'bob', 'eve']).map((job, at) => ({ ...job, text: at === 1 }));
    const cells = simdCells.seal(0x11, HEADER, mixed, new NoncePool());
    expect(cells.map((cell) => typeof cell)).toEqual(['object', 'string', 'object']);
    const opened = simdCells.open(
      openJobs(
        mixed,
        cells.map((cell) => decodeCell(cell as string)),
      ),
    );
    expect(opened).toEqual(['ada', 'bob', 'eve']);
  });

  it('have nonces that never repeat', () => {
    const texts = simdCells.seal(0x11, HEADER, sealJobs(Array.from({ length: 1000 }, () => 'ada')), new NoncePool());
    const nonces = (texts as string[]).map((text) => toHex(decodeCell(text).nonce));
    expect(new Set(nonces).size).toBe(1000);
  });

  it('open in any order, in part, twice, and from several batches', () => {
    const texts = simdCells.seal(
      0x11,
      HEADER,
      Array.from({ length: 400 }, (_, at) => ({
        key: KEYS[0] as Uint8Array,
        aad: null,
        plaintext: `value ${at}`,
        text: true,
      })),
      new NoncePool(),
    ) as string[];
    const cells = parsed(texts);
    const open = (places: readonly number[]) =>
      simdCells.open(
        places.map((at) => ({ key: KEYS[0] as Uint8Array, cell: cells[at] as Cell, aad: null, text: true })),
      );
    const all = Array.from({ length: 400 }, (_, at) => at);
    const orders = [
      all,
      all.toReversed(),
      all.filter((at) => at % 2 === 0),
      all.filter((at) => at % 7 === 0),
      all.map((at) => (at * 37) % 400),
      [5, 5, 5, 6, 5, 7],
      [399, 0, 1, 2, 398],
    ];
    for (const order of orders) expect(open(order)).toEqual(order.map((at) => `value ${at}`));
  });

  it('give text for a String only, and bytes for another type, a padded value or malformed UTF-8', () => {
    const plaintexts = [
      encodeValue('String', 'ada', 16),
      encodeValue('Int', 5, null),
      Uint8Array.of(1, 0xff),
      Uint8Array.of(1, 0x61, 0xc3),
      Uint8Array.of(1, 0xed, 0xa0, 0x80),
    ];
    const jobs = sealJobs(plaintexts);
    const texts = simdCells.seal(0x11, HEADER, jobs, new NoncePool()) as string[];
    expect(simdCells.open(openJobs(jobs, parsed(texts))).map(plain)).toEqual(plaintexts.map((one) => toHex(one)));
    const asBytes = openJobs(
      sealJobs(['ada']),
      parsed(simdCells.seal(0x11, HEADER, sealJobs(['ada']), new NoncePool()) as string[]),
    );
    expect(simdCells.open(asBytes.map((job) => ({ ...job, text: false })))).toEqual(
      [Buffer.from('\u0001ada').subarray()].map((one) => new Uint8Array(one)),
    );
  });

  it('refuse a forged cell alone, in every place of a batch', () => {
    const jobs = sealJobs(['one', 'two', 'three', 'four', 'five', 'six']);
    const texts = simdCells.seal(0x11, HEADER, jobs, new NoncePool()) as string[];
    for (let forged = 0; forged < texts.length; forged++) {
      const stored = texts.map((text, at) =>
        at === forged ? `${text.slice(0, 50)}${text[50] === 'A' ? 'B' : 'A'}${text.slice(51)}` : text,
      );
      const expected = jobs.map(({ plaintext }, at) => (at === forged ? null : plain(plaintext)));
      expect(simdCells.open(openJobs(jobs, parsed(stored))).map(plain)).toEqual(expected);
    }
  });
});

function bytesOf({ memory, start, end }: Cell): Uint8Array {
  return memory.subarray(start, end);
}

describe('parsing takes what decodeCell takes, and leaves the rest to it', () => {
  /** What decodeCell makes of a text. */
  function judged(text: string): string {
    return codeOf(() => decodeCell(text)) === 'none' ? toHex(bytesOf(decodeCell(text))) : 'refused';
  }

  function read(text: string, company: readonly string[] = []): string {
    const cell = simdCells.parse([...company, text])[company.length];
    return cell == null ? judged(text) : toHex(bytesOf(cell));
  }

  const source = new SeededBytes('texts');
  const sound = Array.from({ length: 64 }, (_, at) => encodeCellText(Buffer.concat([HEADER, source.bytes(41 + at)])));

  it('for every length, and never by guessing', () => {
    for (const text of sound) {
      expect(simdCells.parse([text])[0]).not.toBeNull();
      for (const changed of [text, text.slice(0, -1), `${text}A`, `${text}AA`, `${text}=`, text.slice(1), ` ${text}`])
        expect(read(changed)).toBe(judged(changed));
    }
  });

  it('for every character at every place', () => {
    for (const text of sound.slice(0, 5)) {
      for (let at = 0; at < text.length; at++) {
        for (let code = 0; code < 256; code++) {
          const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
          const cell = simdCells.parse([changed])[0];
          const expected = judged(changed);
          if ((cell == null ? 'refused' : toHex(bytesOf(cell))) !== expected) expect.fail(`character ${code} at ${at}`);
        }
      }
    }
  });

  it.each([
    ['a letter that folds to ASCII', '\u0141'],
    ['a full-width letter', '\uff21'],
    ['a lone surrogate', '\ud800'],
    ['two bytes for one character', 'é'],
    ['a character of four bytes', '😀'],
  ])('for %s, alone or among others', (_what, character) => {
    const [text = ''] = sound;
    for (const changed of [text + character, character + text, `${text.slice(0, 20)}${character}${text.slice(21)}`]) {
      expect(read(changed)).toBe('refused');
      expect(read(changed, sound)).toBe('refused');
      expect(read(sound[1] as string, [changed])).toBe(judged(sound[1] as string));
    }
  });

  it('for non-zero trailing bits', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (const text of sound) {
      for (const last of alphabet) expect(read(text.slice(0, -1) + last)).toBe(judged(text.slice(0, -1) + last));
    }
  });

  it('for unknown suites, two keys in one batch, and cells too long for the memory', () => {
    const other = encodeHeader(0x12, 'fedcba9876543210');
    const cells = [HEADER, other, HEADER, other].map((header) => Buffer.concat([header, source.bytes(50)]));
    const unknown = Buffer.concat([Uint8Array.of(0x13), source.bytes(60)]);
    const long = Buffer.concat([HEADER, source.bytes(MAX_DATA + 41)]);
    const texts = [...cells, unknown, long].map(encodeCellText);
    const found = simdCells.parse(texts);
    expect(found.map((cell) => cell?.keyId)).toEqual([
      '0123456789abcdef',
      'fedcba9876543210',
      '0123456789abcdef',
      'fedcba9876543210',
      undefined,
      undefined,
    ]);
    expect(found.map((cell) => cell?.suite).slice(0, 2)).toEqual([0x11, 0x12]);
    expect(read(encodeCellText(long))).toBe(toHex(long));
  });

  it('for texts at the edge of the memory', () => {
    const big = Array.from({ length: 200 }, () => encodeCellText(Buffer.concat([HEADER, source.bytes(MAX_DATA)])));
    expect(simdCells.parse(big).map((cell) => cell && toHex(bytesOf(cell)))).toEqual(big.map(judged));
    expect(
      simdCells.parse(['é'.repeat(8000), ...big.slice(0, 60), '😀'.repeat(3000)]).filter((cell) => cell !== null),
    ).toHaveLength(0);
    expect(simdCells.parse([])).toEqual([]);
  });
});

/** The members of a case in spec/vectors/cells.json that are needed here. */
interface CellCase {
  readonly dek: string;
  readonly keyId: string;
  readonly suite: SuiteId;
  readonly model: string;
  readonly field: string;
  readonly binding: [string, string][] | null;
  readonly nonce: string;
  readonly cell: string;
  readonly text: string;
}

describe('the vectors of the format', () => {
  const file = readFileSync(new URL('../../../spec/vectors/cells.json', import.meta.url), 'utf8');
  const { cases } = JSON.parse(file) as { cases: CellCase[] };

  it('open in one batch, as the reference engine opens them', () => {
    const jobs = cases.map((one): OpenJob => {
      const dek = SecretBytes.take(fromHex(one.dek) as Uint8Array);
      expect(deriveKeyId(dek)).toBe(one.keyId);
      const [cell] = parsed([one.text]) as [Cell];
      expect(toHex(bytesOf(cell))).toBe(one.cell);
      expect(toHex(cell.nonce)).toBe(one.nonce);
      expect(toBase64Url(bytesOf(cell))).toBe(one.text.slice(4));
      const key = deriveFieldKey(dek, one.suite, one.model, one.field).expose();
      return { key, cell, aad: one.binding === null ? null : cellAad(cell.header, one.binding), text: true };
    });
    const reference = messageCells(nobleEngine).open(jobs).map(plain);
    expect(reference).not.toContain(null);
    expect(simdCells.open(jobs).map(plain)).toEqual(reference);
  });

  it('that are invalid are refused, under either suite, whatever stands beside them in the batch', () => {
    const invalid = readFileSync(new URL('../../../spec/vectors/cells-invalid.json', import.meta.url), 'utf8');
    const { cases: refused } = JSON.parse(invalid) as { cases: InvalidCase[] };
    const cipher = new FieldCipher({ engine: 'simd' });
    expect(refused.length).toBeGreaterThan(200);
    for (const { dek, model, field, type, binding, text } of refused) {
      const spec: FieldSpec = { ...fieldSpec(type), model, field, context: { model, field } };
      for (const suite of [0x11, 0x12] as const) {
        const view = viewUnder(suite, fromHex(dek) as Uint8Array);
        const [sound] = cipher.encrypt(view, [{ spec: fieldSpec(), value: 'ada', binding: null }]);
        const fields = [
          { spec: fieldSpec(), stored: sound, binding: null },
          { spec, stored: text, binding },
        ];
        expect(codeOf(() => cipher.decrypt(view, cipher.parse(fields)))).toMatch(/^ERR_/);
        expect(cipher.decrypt(view, cipher.parse(fields.slice(0, 1)))).toEqual(['ada']);
      }
    }
  });
});

/** The members of a case in spec/vectors/cells-invalid.json. */
interface InvalidCase {
  readonly dek: string;
  readonly model: string;
  readonly field: string;
  readonly type: ValueType;
  readonly binding: [string, string][] | null;
  readonly text: string;
}

function viewUnder(suite: SuiteId, dek: Uint8Array): KeyView {
  const key = SecretBytes.take(dek);
  const primary = new DataKey(deriveKeyId(key), suite, key);
  const indexRoot = new IndexRoot('', 1, SecretBytes.take(new Uint8Array(32)));
  const keys = new Map([[primary.keyId, primary]]);
  return { scope: '', primary, indexRoot, indexRoots: [indexRoot], keys, statuses: new Map() };
}
