import { isFieldsealError } from '@fieldseal/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { properties } from '../src/client/commands/capability.ts';
import { nvReadPublic } from '../src/client/commands/nv.ts';
import { createPrimary, load, readPublic } from '../src/client/commands/objects.ts';
import { pcrRead } from '../src/client/commands/pcr.ts';
import {
  type Authorization,
  decodeKeyFile,
  decodeResponseCode,
  encodeKeyFile,
  nameOf,
  parsePublic,
  Reader,
  SRK_TEMPLATE,
  sealedTemplate,
  sized,
  Tpm,
  u8,
  u16,
  u32,
  u64,
  unseal,
} from '../src/client.ts';
import { parseSignatures } from '../src/index.ts';
import { decodeSteps, encodeSteps, type PolicyStep } from '../src/sealer/policy-step.ts';
import { decodeSlot } from '../src/sealer/slot-params.ts';

const RUNS = process.env['SLOW'] ? 20_000 : 1_000;
const bytes = (max = 200) => fc.uint8Array({ maxLength: max }).map((array) => Buffer.from(array));

/** Runs it, and lets pass only errors of ours with one of these codes. */
async function onlyThrows(work: () => unknown, ...codes: string[]): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isFieldsealError(error) || !codes.includes(error.code)) throw error;
  }
}

describe('numbers and byte strings', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(
        fc.nat(0xff),
        fc.nat(0xffff),
        fc.nat(0xffffffff),
        fc.bigInt(0n, 2n ** 64n - 1n),
        bytes(),
        (a, b, c, d, e) => {
          const reader = new Reader(Buffer.concat([u8(a), u16(b), u32(c), u64(d), sized(e)]));
          expect([reader.u8(), reader.u16(), reader.u32(), reader.u64()]).toEqual([a, b, c, d]);
          expect(reader.sized().equals(e)).toBe(true);
          reader.end();
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('a cut structure is never read', () => {
    fc.assert(
      fc.property(bytes(), fc.nat(), (content, at) => {
        const whole = sized(content);
        const cut = new Reader(whole.subarray(0, at % whole.length));
        expect(() => cut.sized()).toThrow(/ERR_TPM_IO/);
      }),
      { numRuns: RUNS },
    );
  });

  it('every response code has one reading', () => {
    for (let rc = 0; rc < 0x1000; rc++) {
      const { reason, about, warning } = decodeResponseCode(rc);
      const number = about === null ? 0 : (about.kind === 'session' ? about.number + 8 : about.number) << 8;
      const kind = about?.kind === 'parameter' ? 0x40 : 0;
      expect((rc & 0x80) === 0 ? reason : reason | number | kind).toBe(rc);
      if (warning) expect(rc & 0x980).toBe(0x900);
    }
    // The kernel's resource manager refuses a command in its own name.
    expect(decodeResponseCode(0xb0143)).toMatchObject({ rc: 0xb0143, reason: 0x143 });
  });
});

describe('replies of any form', () => {
  const noAuth: Authorization = {
    authorize: ({ params }) => ({ area: Buffer.alloc(0), params }),
    accept: (_, params) => params,
  };
  const commands: [string, (tpm: Tpm) => Promise<unknown>][] = [
    ['PCR_Read', (tpm) => pcrRead(tpm, [0, 7])],
    ['GetCapability', (tpm) => properties(tpm, 0x100, 8)],
    ['ReadPublic', (tpm) => readPublic(tpm, 0x81000001)],
    ['NV_ReadPublic', (tpm) => nvReadPublic(tpm, 0x01800042)],
    ['CreatePrimary', (tpm) => createPrimary(tpm, SRK_TEMPLATE)],
    [
      'Load',
      (tpm) => load(tpm, { handle: 1, name: u32(1) }, { private: Buffer.alloc(8), publicArea: Buffer.alloc(8) }),
    ],
    ['Unseal', (tpm) => unseal(tpm, { handle: 1, name: u32(1) }, noAuth)],
  ];

  it.each(commands)('%s takes them or refuses them as ours', async (_, run) => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(0x8001, 0x8002), bytes(), async (tag, body) => {
        const reply = Buffer.concat([u16(tag), u32(10 + body.length), u32(0), body]);
        const tpm = new Tpm({ label: 'fuzz', transmit: async () => reply, close: async () => {} });
        await onlyThrows(() => run(tpm), 'ERR_TPM_IO');
      }),
      { numRuns: RUNS },
    );
  });

  it('public areas', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(0x0001, 0x0008, 0x0023, 0x0025), bytes(), (type, rest) =>
        onlyThrows(() => parsePublic(Buffer.concat([u16(type), rest])), 'ERR_TPM_IO'),
      ),
      { numRuns: RUNS },
    );
    expect(parsePublic(SRK_TEMPLATE)).toMatchObject({ attributes: 0x30472, key: { kind: 'ecc' } });
  });
});

describe('key files', () => {
  const file = fc.record({
    emptyAuth: fc.boolean(),
    parent: fc.constantFrom(0x40000001, 0x81000001, 0x81ffffff),
    publicArea: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array)),
    private: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array)),
  });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(file, (key) => {
        expect(decodeKeyFile(encodeKeyFile(key))).toEqual(key);
      }),
      { numRuns: RUNS },
    );
  });

  it('with any byte changed are read as something or refused as damaged', async () => {
    await fc.assert(
      fc.asyncProperty(file, fc.nat(), fc.nat(255), (key, at, value) => {
        const body = encodeKeyFile(key).split('\n').slice(1, -2).join('');
        const der = Buffer.from(body, 'base64');
        der[at % der.length] = value;
        const text = `-----BEGIN TSS2 PRIVATE KEY-----\n${der.toString('base64')}\n-----END TSS2 PRIVATE KEY-----\n`;
        return onlyThrows(() => decodeKeyFile(text), 'ERR_TPM_BLOB_INVALID');
      }),
      { numRuns: RUNS },
    );
  });

  it('any text at all is read or refused as damaged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), bytes(), async (text, der) => {
        await onlyThrows(() => decodeKeyFile(text), 'ERR_TPM_BLOB_INVALID');
        const pem = `-----BEGIN TSS2 PRIVATE KEY-----\n${der.toString('base64')}\n-----END TSS2 PRIVATE KEY-----`;
        await onlyThrows(() => decodeKeyFile(pem), 'ERR_TPM_BLOB_INVALID');
      }),
      { numRuns: RUNS },
    );
  });
});

describe('policies', () => {
  const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array));
  const steps = fc
    .tuple(
      fc.option(fc.dictionary(fc.nat(23).map(String), digest, { minKeys: 1 })),
      fc.option(
        fc.record({
          index: fc.integer({ min: 0x01800000, max: 0x01bfffff }),
          ceiling: fc.bigInt(0n, 10n ** 18n),
          name: digest,
        }),
      ),
      fc.option(
        fc.record({ salt: fc.uint8Array({ minLength: 16, maxLength: 16 }), logN: fc.integer({ min: 14, max: 17 }) }),
      ),
    )
    .map(([pcrs, counter, pin]) => {
      const all: PolicyStep[] = [];
      if (pcrs !== null)
        all.push({
          kind: 'pcr',
          values: new Map(
            Object.entries(pcrs)
              .map(([pcr, value]) => [Number(pcr), value] as const)
              .sort(([a], [b]) => a - b),
          ),
        });
      if (counter !== null) all.push({ kind: 'counter', ...counter, name: nameOf(counter.name) });
      if (pin !== null) all.push({ kind: 'pin', salt: Buffer.from(pin.salt), logN: pin.logN });
      return all;
    });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(steps, (all) => {
        expect(decodeSteps(encodeSteps(all))).toEqual(all);
      }),
      { numRuns: RUNS },
    );
  });

  it('any JSON is read or refused as damaged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.string(), async (json, text) => {
        await onlyThrows(() => decodeSteps(json), 'ERR_TPM_BLOB_INVALID');
        await onlyThrows(() => decodeSteps(`[${json}]`), 'ERR_TPM_BLOB_INVALID');
        await onlyThrows(
          () =>
            decodeSlot({
              v: 1,
              key: text,
              srk: nameOf(sealedTemplate(0, Buffer.alloc(0))).toString('hex'),
              policy: json,
            }),
          'ERR_TPM_BLOB_INVALID',
        );
        await onlyThrows(() => parseSignatures(json), 'ERR_TPM_SIGNATURE_INVALID');
        await onlyThrows(
          () => parseSignatures(`{"format":"fieldseal-tpm-signatures/1","signatures":[${json}]}`),
          'ERR_TPM_SIGNATURE_INVALID',
        );
      }),
      { numRuns: RUNS },
    );
  });
});
