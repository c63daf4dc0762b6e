import { describe, expect, it } from 'vitest';
import type { AeadEngine, AeadMessage } from '../src/aead/engine.ts';
import { nativeEngine } from '../src/aead/native.ts';
import { nobleEngine } from '../src/aead/noble.ts';
import { simdEngine } from '../src/aead/simd/engine.ts';
import { MAX_AAD, MAX_DATA } from '../src/aead/simd/layout.ts';
import { randomMessage, SeededBytes } from './random-messages.ts';

/** All engines against each other; the reference comes last. */
const ENGINES: readonly AeadEngine[] = [simdEngine, nativeEngine, nobleEngine];
const SLOW = process.env['SLOW'] === '1';
const RECORDS = SLOW ? 1_000_000 : 10_000;

function expectSame(found: readonly (Uint8Array | null)[], expected: readonly (Uint8Array | null)[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [at, bytes] of expected.entries()) {
    const other = found[at];
    const same = bytes === null || other == null ? bytes === other : Buffer.compare(bytes, other) === 0;
    if (!same) expect.fail(`message ${at} of ${expected.length} differs`);
  }
}

/** Every engine must give the same bytes, open them, and refuse those and only those that were changed. */
function expectAgreement(batch: readonly AeadMessage[], forge: (place: number) => boolean = () => false): void {
  const sealed = nobleEngine.encrypt(batch);
  for (const engine of ENGINES) expectSame(engine.encrypt(batch), sealed);
  const stored = batch.map((message, place) => {
    const data = Uint8Array.from(sealed[place] as Uint8Array);
    if (forge(place)) data[place % data.length] = (data[place % data.length] as number) ^ (1 << (place % 8));
    return { ...message, data };
  });
  const expected = batch.map(({ data }, place) => (forge(place) ? null : data));
  for (const engine of ENGINES) expectSame(engine.decrypt(stored), expected);
}

describe('all engines give the same bytes', () => {
  it(
    `for ${RECORDS} random messages in batches of any size, of which some are forged`,
    () => {
      const source = new SeededBytes('batches');
      for (let count = 0; count < RECORDS; ) {
        const size = 1 + source.below(150);
        const batch = Array.from({ length: size }, () =>
          randomMessage(source, source.below(source.below(4) === 0 ? 701 : 80), source.below(50) === 0 ? 0x12 : 0x11),
        );
        const every = 2 + source.below(9);
        expectAgreement(batch, (place) => place % every === 0);
        count += size;
      }
    },
    SLOW ? 3_600_000 : 60_000,
  );

  it('for every number of messages up to 9 and every length up to 260, of one length', () => {
    const source = new SeededBytes('tails');
    for (let size = 1; size <= 9; size++) {
      for (let length = size % 5; length <= 260; length += 5) {
        expectAgreement(Array.from({ length: size }, () => randomMessage(source, length)));
      }
    }
  });

  it('for lengths around every boundary of blocks, lanes and thresholds', () => {
    const source = new SeededBytes('boundaries');
    const edges = [16, 48, 64, 128, 192, 256, 320, 448, 512, 704, 1024, 4096, MAX_DATA, MAX_DATA + 16];
    const lengths = edges.flatMap((edge) => [edge - 1, edge, edge + 1]);
    expectAgreement(lengths.map((length) => randomMessage(source, length)));
    for (const length of lengths) expectAgreement([randomMessage(source, length)]);
  });

  it('for every length of AAD up to 90, and around the longest that the kernel takes', () => {
    const source = new SeededBytes('aad');
    const lengths = [...Array.from({ length: 91 }, (_, at) => at), MAX_AAD - 1, MAX_AAD, MAX_AAD + 1, 5000];
    expectAgreement(lengths.map((length) => ({ ...randomMessage(source, 33), aad: source.bytes(length) })));
  });

  it('for messages of 1 MiB and 5 MiB among small ones', () => {
    const source = new SeededBytes('huge');
    const block = Buffer.from(source.bytes(4096));
    const huge = (bytes: number): AeadMessage => ({ ...randomMessage(source, 0), data: Buffer.alloc(bytes, block) });
    expectAgreement([randomMessage(source, 40), huge(2 ** 20), randomMessage(source, 0), huge(5 * 2 ** 20)]);
  });

  it('for messages that all share one key and one AAD, and for a batch larger than the memory', () => {
    const source = new SeededBytes('shared');
    const shared = randomMessage(source, 0);
    const batch = Array.from({ length: 300 }, (_, at) => {
      return { ...shared, nonce: source.bytes(24), data: source.bytes(at % 10 === 0 ? MAX_DATA : 30) };
    });
    expectAgreement(batch, (place) => place === 150);
  });

  it('for the hardest sums of Poly1305: messages of all ones and of zeros', () => {
    const source = new SeededBytes('ones');
    const batch = [0x00, 0xff].flatMap((byte) =>
      Array.from({ length: 60 }, (_, at) => ({
        ...randomMessage(source, 0),
        aad: new Uint8Array(at).fill(byte),
        data: new Uint8Array(at * 3).fill(byte),
      })),
    );
    expectAgreement(batch);
  });
});

describe('a forged message fails alone', () => {
  const source = new SeededBytes('forged');

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('in every lane of a batch of %i', (size) => {
    const batch = Array.from({ length: size }, () => randomMessage(source, 41));
    for (let forged = 0; forged < size; forged++) expectAgreement(batch, (place) => place === forged);
    expectAgreement(batch, () => true);
  });

  it('at every byte of ciphertext and tag, and for every bit of one', () => {
    const message = randomMessage(source, 41);
    const [sealed] = simdEngine.encrypt([message]);
    const changed = Array.from({ length: (sealed as Uint8Array).length * 8 }, (_, bit) => {
      const data = Uint8Array.from(sealed as Uint8Array);
      data[bit >> 3] = (data[bit >> 3] as number) ^ (1 << (bit & 7));
      return { ...message, data };
    });
    expectSame(
      simdEngine.decrypt(changed),
      changed.map(() => null),
    );
  });

  it('with the tag, the key, the nonce or the AAD of its neighbour', () => {
    const batch = Array.from({ length: 4 }, () => randomMessage(source, 41));
    const sealed = simdEngine.encrypt(batch);
    const stored = batch.map((message, at) => ({ ...message, data: sealed[at] as Uint8Array }));
    const [first, second] = stored as [AeadMessage, AeadMessage];
    const swaps: AeadMessage[] = [
      { ...first, data: Buffer.concat([first.data.subarray(0, -16), second.data.subarray(-16)]) },
      { ...first, key: second.key },
      { ...first, nonce: second.nonce },
      { ...first, aad: Buffer.concat([second.aad, Buffer.of(1)]) },
    ];
    for (const swapped of swaps) {
      const opened = simdEngine.decrypt([stored[1], swapped, stored[2], stored[3]] as AeadMessage[]);
      expectSame(
        opened,
        [1, 0, 2, 3].map((at) => (at === 0 ? null : (batch[at] as AeadMessage).data)),
      );
    }
  });
});
