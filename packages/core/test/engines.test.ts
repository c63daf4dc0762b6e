import { randomBytes, randomInt } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import type { CellEngine } from '../src/aead/cell-engine.ts';
import type { AeadEngine, AeadMessage, EngineName } from '../src/aead/engine.ts';
import { selectEngine } from '../src/aead/engines.ts';
import { messageCells } from '../src/aead/message-cells.ts';
import { nativeEngine } from '../src/aead/native.ts';
import { nobleEngine } from '../src/aead/noble.ts';
import { selfTest } from '../src/aead/self-test.ts';
import { simdEngine } from '../src/aead/simd/engine.ts';
import { fromHex, toHex, utf8 } from '../src/bytes.ts';
import { decodeCell } from '../src/cell.ts';
import { isSuite, SUITES, type SuiteId, XAES_256_GCM, XCHACHA20_POLY1305 } from '../src/suite.ts';
import { codeOf } from './error-code.ts';

const ENGINES: readonly AeadEngine[] = [simdEngine, nativeEngine, nobleEngine];

function message(suite: SuiteId, length: number): AeadMessage {
  return {
    suite,
    key: randomBytes(32),
    nonce: randomBytes(24),
    aad: randomBytes(randomInt(60)),
    data: randomBytes(length),
  };
}

function hex(bytes: readonly (Uint8Array | null)[]): (string | null)[] {
  return bytes.map((one) => (one === null ? null : toHex(one)));
}

describe.each(ENGINES)('the engine $name', (engine) => {
  // C2SP XAES-256-GCM, test vectors
  it.each([
    [0x01, '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
    [0x03, 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
  ])('gives the published answer of XAES-256-GCM for the key 0x%i…', (byte, aad, sealed) => {
    const known = {
      suite: XAES_256_GCM,
      key: new Uint8Array(32).fill(byte),
      nonce: utf8('ABCDEFGHIJKLMNOPQRSTUVWX'),
      aad: utf8(aad),
      data: utf8('XAES-256-GCM'),
    } as const;
    expect(hex(engine.encrypt([known]))).toEqual([sealed]);
    expect(hex(engine.decrypt([{ ...known, data: fromHex(sealed) as Uint8Array }]))).toEqual([toHex(known.data)]);
  });

  it('gives the published answer of XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 A.3.1)', () => {
    const known = {
      suite: XCHACHA20_POLY1305,
      key: Uint8Array.from({ length: 32 }, (_, at) => 0x80 + at),
      nonce: Uint8Array.from({ length: 24 }, (_, at) => 0x40 + at),
      aad: fromHex('50515253c0c1c2c3c4c5c6c7') as Uint8Array,
      data: utf8(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      ),
    } as const;
    const sealed = [
      'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39',
      'ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9',
      '21f9664c97637da9768812f615c68b13b52e',
      'c0875924c1c7987947deafd8780acf49',
    ].join('');
    expect(hex(engine.encrypt([known]))).toEqual([sealed]);
    expect(hex(engine.decrypt([{ ...known, data: fromHex(sealed) as Uint8Array }]))).toEqual([toHex(known.data)]);
  });

  it('refuses one message of a batch and opens the others', () => {
    const batch = [0x11, 0x12, 0x11, 0x12].map((suite) => message(suite as SuiteId, 40));
    const sealed = engine.encrypt(batch);
    (sealed[1] as Uint8Array)[5] = ((sealed[1] as Uint8Array)[5] as number) ^ 1;
    const opened = engine.decrypt(batch.map((one, at) => ({ ...one, data: sealed[at] as Uint8Array })));
    expect(hex(opened)).toEqual(batch.map((one, at) => (at === 1 ? null : toHex(one.data))));
  });

  it.each([0x11, 0x12] as const)(
    'refuses another key, nonce, AAD, tag or length under suite %i, without throwing',
    (suite) => {
      const one = message(suite, 33);
      const [sealed] = engine.encrypt([one]);
      const data = sealed as Uint8Array;
      const flipped = (bytes: Uint8Array, at: number) =>
        bytes.map((byte, index) => (index === at ? byte ^ 0x80 : byte));
      const forged: AeadMessage[] = [
        { ...one, data, key: flipped(one.key, 31) },
        { ...one, data, nonce: flipped(one.nonce, 0) },
        { ...one, data, nonce: flipped(one.nonce, 23) },
        { ...one, data, aad: Buffer.concat([one.aad, Buffer.of(0)]) },
        { ...one, data: flipped(data, 0) },
        { ...one, data: flipped(data, data.length - 1) },
        { ...one, data: data.subarray(0, -1) },
        { ...one, data: data.subarray(0, -12) },
        { ...one, data: Buffer.concat([data, Buffer.of(0)]) },
        ...Array.from({ length: 17 }, (_, length) => ({ ...one, data: data.subarray(0, length) })),
        { ...one, data, suite: suite === 0x11 ? 0x12 : 0x11 },
      ];
      expect(engine.decrypt(forged)).toEqual(forged.map(() => null));
    },
  );

  it('changes nothing that it was given, and works on an empty batch', () => {
    for (const suite of [0x11, 0x12] as const) {
      const one = message(suite, 20);
      const before = structuredClone(one);
      const [sealed] = engine.encrypt([one]);
      engine.decrypt([{ ...one, data: sealed as Uint8Array }]);
      engine.decrypt([{ ...one, data: Uint8Array.from(sealed as Uint8Array).fill(1) }]);
      for (const part of ['key', 'nonce', 'aad', 'data'] as const) expect(toHex(one[part])).toBe(toHex(before[part]));
    }
    expect([engine.encrypt([]), engine.decrypt([])]).toEqual([[], []]);
  });

  it.each([0, 16, 31, 33, 64])('throws on a key of %i bytes, and pads none with zeros', (length) => {
    const sound = message(0x11, 20);
    expect(() => engine.encrypt([sound, { ...sound, key: new Uint8Array(length) }])).toThrow();
  });

  it('passes its self-test', () => {
    expect(selfTest(engine)).toBe(true);
  });
});

describe('all engines', () => {
  it.each([0x11, 0x12] as const)(
    'give the same bytes for every length from 0 to 700 and for 64 KiB under suite %i',
    (suite) => {
      const batch = [...Array.from({ length: 701 }, (_, length) => length), 65_536].map((length) =>
        message(suite, length),
      );
      const sealed = nativeEngine.encrypt(batch);
      expect(hex(nobleEngine.encrypt(batch))).toEqual(hex(sealed));
      const crossed = batch.map((one, at) => ({ ...one, data: sealed[at] as Uint8Array }));
      expect(hex(nobleEngine.decrypt(crossed))).toEqual(hex(batch.map(({ data }) => data)));
      expect(hex(nativeEngine.decrypt(crossed))).toEqual(hex(batch.map(({ data }) => data)));
    },
  );

  it('work on parts of larger memory, wherever they start', () => {
    for (const suite of [0x11, 0x12] as const) {
      const one = message(suite, 50);
      const shift = (bytes: Uint8Array, by: number) =>
        Buffer.concat([Buffer.alloc(by), bytes, Buffer.alloc(3)]).subarray(by, by + bytes.length);
      for (const by of [1, 2, 3, 5]) {
        const moved = {
          suite,
          key: shift(one.key, by),
          nonce: shift(one.nonce, by),
          aad: shift(one.aad, by),
          data: shift(one.data, by),
        };
        expect(hex(nativeEngine.encrypt([moved]))).toEqual(hex(nobleEngine.encrypt([one])));
      }
    }
  });
});

describe('selectEngine', () => {
  it('gives the named engine, and the one in WebAssembly by default', () => {
    expect(selectEngine('noble')).toBe(nobleEngine);
    expect(selectEngine('native')).toBe(nativeEngine);
    expect(selectEngine('simd')).toBe(simdEngine);
    expect(selectEngine()).toBe(simdEngine);
    expect(selectEngine('auto')).toBe(simdEngine);
  });

  it.each([
    ['is missing', undefined],
    [
      'may not compile',
      {
        Module: class {
          constructor() {
            throw new Error('WebAssembly.Module(): Wasm code generation disallowed by embedder');
          }
        },
      },
    ],
  ])('falls back to the native engine where WebAssembly %s, and says so', async (_what, WebAssembly) => {
    vi.stubGlobal('WebAssembly', WebAssembly);
    vi.resetModules();
    try {
      const { selectEngine: select } = await import('../src/aead/engines.ts');
      expect(select().name).toBe('native');
      expect(codeOf(() => select('simd'))).toBe('ERR_ENGINE');
      const { FieldCipher } = await import('../src/field-cipher.ts');
      expect(new FieldCipher().engine).toBe('native');
      const { textMac, textMacs } = await import('../src/aead/text-macs.ts');
      const job = { key: randomBytes(32), text: 'ada' };
      expect(hex(textMacs([job]))).toEqual(hex([textMac(job)]));
    } finally {
      vi.unstubAllGlobals();
      vi.resetModules();
    }
  });

  it.each(['', 'wasm', 'constructor', '__proto__'])('refuses the engine %j', (name) => {
    expect(codeOf(() => selectEngine(name as EngineName))).toBe('ERR_ENGINE');
  });
});

describe('the self-test refuses an engine that', () => {
  const faults: readonly (readonly [string, Partial<AeadEngine>])[] = [
    [
      'throws',
      {
        encrypt: () => {
          throw new Error('no ChaCha20');
        },
      },
    ],
    ['encrypts nothing', { encrypt: () => [] }],
    [
      'encrypts to other bytes',
      { encrypt: (batch) => nobleEngine.encrypt(batch.map((one) => ({ ...one, aad: new Uint8Array(0) }))) },
    ],
    ['cuts the tag', { encrypt: (batch) => nobleEngine.encrypt(batch).map((sealed) => sealed.subarray(0, -1)) }],
    ['does not authenticate', { decrypt: (batch) => batch.map(({ data }) => data.subarray(0, -16)) }],
    ['opens nothing', { decrypt: (batch) => batch.map(() => null) }],
    ['gives no answer', { decrypt: () => [] }],
    [
      'opens a forged message',
      { decrypt: (batch) => batch.map((one) => nobleEngine.decrypt([one])[0] ?? new Uint8Array(0)) },
    ],
    [
      'fails under one suite',
      { encrypt: (batch) => nobleEngine.encrypt(batch.map((one) => ({ ...one, suite: XCHACHA20_POLY1305 }))) },
    ],
  ];

  it.each(faults)('%s', (_what, fault) => {
    expect(selfTest({ ...nobleEngine, ...fault })).toBe(false);
  });

  const cells = messageCells(nobleEngine);
  const cellFaults: readonly (readonly [string, Partial<CellEngine>])[] = [
    ['makes no cells', { seal: () => [] }],
    [
      'makes cells that authenticate something else',
      {
        seal: (suite, header, jobs, nonces) =>
          cells.seal(
            suite,
            header,
            jobs.map((job) => ({ ...job, aad: new Uint8Array(1) })),
            nonces,
          ),
      },
    ],
    ['parses cells to others', { parse: (texts) => texts.map(() => decodeCell(texts[0] as string)) }],
    ['opens no cells', { open: (jobs) => jobs.map(() => null) }],
    ['opens cells to other text', { open: (jobs) => jobs.map(() => 'ada') }],
  ];

  it.each(cellFaults)('%s', (_what, fault) => {
    expect(selfTest({ ...nobleEngine, cells })).toBe(true);
    expect(selfTest({ ...nobleEngine, cells: { ...cells, ...fault } })).toBe(false);
  });
});

describe('suites', () => {
  it('are told by their byte', () => {
    expect(isSuite(0x11) && isSuite(0x12)).toBe(true);
    for (const other of [0, 0x10, 0x13, 0x1f, 17.5, '17', null, undefined]) expect(isSuite(other)).toBe(false);
    expect(Object.values(SUITES).map(({ name }) => name)).toEqual(['XChaCha20-Poly1305', 'XAES-256-GCM']);
  });
});
