import { createHash, randomInt } from 'node:crypto';
import { generateRawKey } from '@fieldseal/core';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, expect, it } from 'vitest';
import { openArchive, sealArchive } from '../src/archive.ts';
import { signDigest, signingKey, verifyDigest } from '../src/minisign.ts';

const HEAD = {
  sequence: 1,
  created: '2026-01-01T00:00:00.000Z',
  previous: null,
  keyring: { id: '0011223344556677', generation: 3 },
  keys: () => ({}),
  tool: 'test',
};
const TIMES = process.env['SLOW'] ? 10_000 : 100;

let identity = '';
let sealed: Buffer;

async function seal(entries: readonly { name: string; content: Uint8Array; count: number }[], recipient: string) {
  async function* source() {
    yield* entries;
  }
  const parts: Uint8Array[] = [];
  for await (const part of (await sealArchive(source(), HEAD, [recipient])) as unknown as AsyncIterable<Uint8Array>)
    parts.push(part);
  return Buffer.concat(parts);
}

const open = (bytes: Uint8Array, seen: string[] = []) => {
  async function* source() {
    yield bytes;
  }
  return openArchive(source(), [identity], ({ name }) => seen.push(name));
};

beforeAll(async () => {
  identity = await generateX25519Identity();
  sealed = await seal(
    [{ name: 'keyring.json', content: Buffer.from('{"a":1}'), count: 1 }],
    await identityToRecipient(identity),
  );
});

/** Code of the error that is thrown. The matchers of errors take a thousand times as long. */
function refusal(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

const refused = expect.objectContaining({ code: expect.stringMatching(/^ERR_BACKUP_(DAMAGED|LOCKED)$/) });

it('opens as it was written', async () => {
  expect(await open(sealed)).toMatchObject({ sequence: 1, entries: [{ name: 'keyring.json', bytes: 7, count: 1 }] });
});

it(`refuses every one of ${TIMES} random corruptions: bits, cuts, additions, swaps`, async () => {
  for (let time = 0; time < TIMES; time++) {
    const bytes = Buffer.from(sealed);
    const at = randomInt(bytes.length);
    const kinds = [
      () => {
        bytes[at] = (bytes[at] as number) ^ (1 << randomInt(8));
        return bytes;
      },
      () => bytes.subarray(0, at),
      () => Buffer.concat([bytes.subarray(0, at), Buffer.from([randomInt(256)]), bytes.subarray(at)]),
      () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]),
      () => Buffer.concat([bytes, bytes.subarray(0, at + 1)]),
    ];
    const changed = (kinds[time % kinds.length] as () => Buffer)();
    if (changed.equals(sealed)) continue; // an octet beside its like
    await expect(open(changed)).rejects.toEqual(refused);
  }
});

it('its signature refuses 10,000 random corruptions of the archive, and every changed character of itself', () => {
  const signer = signingKey(generateRawKey());
  const digestOf = (bytes: Uint8Array) => createHash('blake2b512').update(bytes).digest();
  const signature = signDigest(signer, digestOf(sealed), 'a comment');
  expect(verifyDigest([signer.public], digestOf(sealed), signature)).toEqual({ comment: 'a comment' });
  const wrong = expect.objectContaining({ code: 'ERR_BACKUP_SIGNATURE' });
  for (let time = 0; time < 10_000; time++) {
    const bytes = Buffer.from(sealed);
    const at = randomInt(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << randomInt(8));
    expect(refusal(() => verifyDigest([signer.public], digestOf(bytes), signature))).toBe('ERR_BACKUP_SIGNATURE');
  }
  const start = signature.indexOf('\n') + 1; // the first line is untrusted by its own words
  for (let at = start; at < signature.length - 1; at++) {
    const changed = signature.slice(0, at) + (signature[at] === 'A' ? 'B' : 'A') + signature.slice(at + 1);
    expect(() => verifyDigest([signer.public], digestOf(sealed), changed)).toThrow(wrong);
  }
  expect(() => verifyDigest([signingKey(generateRawKey()).public], digestOf(sealed), signature)).toThrow(wrong);
});

it.each(['../evil', '/etc/passwd', 'a/../b', '.hidden', 'MANIFEST.json', 'a'.repeat(101), ''])(
  'writes no entry called %j',
  async (name) => {
    const recipient = await identityToRecipient(identity);
    await expect(seal([{ name, content: Buffer.from('x'), count: 1 }], recipient)).rejects.toThrow();
  },
);

it('a second recipient cannot be slipped in, and a stranger opens nothing', async () => {
  identity = await generateX25519Identity();
  await expect(open(sealed)).rejects.toEqual(expect.objectContaining({ code: 'ERR_BACKUP_LOCKED' }));
});
