import {
  blindIndexTerms,
  createKeyring,
  defineIndex,
  type EngineName,
  FieldCipher,
  type FieldSpec,
  generateRawKey,
  type IndexSpec,
  type KeyView,
  keyringMemory,
  type PlainField,
  rawKey,
  type SuiteId,
  XCHACHA20_POLY1305,
} from '@fieldseal/core';
import type { Codec, Stored } from './codec.ts';

/** The engines by name. The type makes the compiler complain when core gets another. */
const ENGINES: Readonly<Record<EngineName, true>> = { simd: true, native: true, noble: true };

/** Fields per call; the suite that goes record by record has fewer, since they differ little. */
const BATCHES = [1, 4, 64, 3000];
const XAES_BATCHES = [1, 64];

const SPEC: FieldSpec = {
  model: 'Person',
  field: 'email',
  context: { model: 'Person', field: 'email' },
  column: 'String',
  type: 'String',
  pad: null,
};
const INDEX: IndexSpec = defineIndex({ model: 'Person', column: 'emailIndex', name: 'eq', sources: [SPEC] });

/** Engines that core has, whether or not they work here. */
export function engineNames(): EngineName[] {
  return Object.keys(ENGINES) as EngineName[];
}

/** The engine that `auto` stands for on this machine. */
export function defaultEngine(): EngineName {
  return new FieldCipher().engine;
}

/** Our field cipher: value to cell and back, as the Prisma extension uses it. Throws ERR_ENGINE when the engine does not work here. */
export async function fieldsealCodec(engine: EngineName | 'auto', suite: SuiteId): Promise<Codec> {
  const cipher = new FieldCipher({ engine });
  const view = await viewOf(suite);
  return {
    batches: suite === XCHACHA20_POLY1305 ? BATCHES : XAES_BATCHES,
    cipher: {
      encrypt: (texts) => cipher.encrypt(view, texts.map(plainField)),
      decrypt: (stored: Stored) => cipher.read(view, stored.map(storedField)) as string[],
    },
  };
}

/** Our blind index, as the Prisma extension uses it. */
export async function fieldsealIndex(): Promise<Codec> {
  const { indexRoot } = await viewOf(XCHACHA20_POLY1305);
  return {
    batches: BATCHES,
    index: (texts) =>
      blindIndexTerms(
        indexRoot,
        texts.map((value) => ({ index: INDEX, value })),
      ),
  };
}

const plainField = (value: string): PlainField => ({ spec: SPEC, value, binding: null });
const storedField = (stored: unknown) => ({ spec: SPEC, stored, binding: null });

async function viewOf(suite: SuiteId): Promise<KeyView> {
  const { keyring, recovery } = await createKeyring({
    storage: keyringMemory(),
    openers: [rawKey(generateRawKey())],
    suite,
  });
  recovery.wipe();
  return keyring.resolve('');
}
