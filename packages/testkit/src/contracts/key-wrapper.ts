import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { type FieldsealError, isFieldsealError, type KeyWrapper, SecretBytes, type WrapContext } from '@fieldseal/core';
import { deriveKeyId } from '@fieldseal/core/internal';
import type { ContractRunner } from './contract-runner.ts';

/** A KEK that the contract opens. A new one for every test. */
export interface KeyWrapperFixture {
  /** Another wrapper of the same KEK, as another process would make it. */
  open(): KeyWrapper;
  /** A wrapper of another KEK under the same id. */
  other(): KeyWrapper;
  /** A wrapper of the same KEK under another id. */
  renamed(): KeyWrapper;
  /**
   * Whether a wrapped key holds more than one way to its key, as that of a `multi` KEK does: then a changed one may still open, and must give
   * the same key.
   */
  readonly redundant?: boolean;
  /** Ends what the fixture started. */
  close?(): Promise<void>;
}

/** Bytes and contexts of a key to wrap. */
interface Sample {
  readonly key: SecretBytes;
  readonly context: WrapContext;
}

/** Names of scopes that a service could confuse with another: by case, white space, normalisation, separators or escapes. */
const SCOPES: readonly string[] = [
  '',
  ' ',
  'acme',
  'ACME',
  'acme ',
  'acme/data',
  'é',
  'e\u0301',
  '"\\',
  'Zażółć 👩‍⚕️',
  "'; --",
  '\u0000',
  'x'.repeat(300),
];

/**
 * The contract of {@link KeyWrapper}, as tests. Every KEK passes it, ours and others'.
 *
 * @param name - what is tested
 * @param make - makes a KEK
 * @param runner - `describe` and `it` of any test runner
 *
 * @example
 * ```ts
 * keyWrapperContract('my KMS', async () => ({ open: () => myKek(), other: …, renamed: … }), { describe, it });
 * ```
 */
export function keyWrapperContract(name: string, make: () => Promise<KeyWrapperFixture>, runner: ContractRunner): void {
  const test = (title: string, body: (fixture: KeyWrapperFixture) => Promise<void>) =>
    runner.it(title, async () => {
      const fixture = await make();
      try {
        await body(fixture);
      } finally {
        await fixture.close?.();
      }
    });

  runner.describe(`key wrapper contract: ${name}`, () => {
    test('unwraps in another process what it wrapped', async ({ open }) => {
      assert.equal(open().id, open().id);
      for (const purpose of ['data', 'index', 'slot'] as const) {
        const { key, context } = sample({ purpose });
        const wrapped = await open().wrap(key, context);
        await expectKey(open(), wrapped, { key, context });
      }
    });

    test('serves every scope, and tells each from every other', async ({ open }) => {
      const kek = open();
      const { key, context } = sample({});
      for (const scope of SCOPES) {
        const wrapped = await kek.wrap(key, { ...context, scope });
        await expectKey(kek, wrapped, { key, context: { ...context, scope } });
        // The next ones in the list are those that it could be taken for.
        const at = SCOPES.indexOf(scope) + 1;
        for (const other of [...SCOPES, ...SCOPES].slice(at, at + 3))
          await expectRefused(kek.unwrap(wrapped, { ...context, scope: other }));
      }
    });

    test('binds a key to its id, its purpose and the id of the KEK', async ({ open, renamed }) => {
      const { key, context } = sample({ scope: 'acme' });
      const wrapped = await open().wrap(key, context);
      await expectRefused(open().unwrap(wrapped, { ...context, keyId: sample({}).context.keyId }));
      await expectRefused(open().unwrap(wrapped, { ...context, purpose: 'index' }));
      await expectRefused(open().unwrap(wrapped, { ...context, purpose: 'slot' }));
      assert.notEqual(renamed().id, open().id);
      await expectRefused(renamed().unwrap(wrapped, context));
    });

    test('does not open what another KEK wrapped', async ({ open, other }) => {
      assert.equal(other().id, open().id);
      const { key, context } = sample({});
      await expectRefused(open().unwrap(await other().wrap(key, context), context));
      await expectRefused(other().unwrap(await open().wrap(key, context), context));
    });

    test('wraps a key in another way each time, and never shows it', async ({ open }) => {
      const { key, context } = sample({});
      const [first, second] = [await open().wrap(key, context), await open().wrap(key, context)];
      assert.ok(!Buffer.from(first).equals(second));
      for (const wrapped of [first, second])
        assert.ok(!Buffer.from(wrapped).includes(Buffer.from(key.expose()).subarray(0, 8)));
    });

    test('notices changed bytes', async ({ open, redundant = false }) => {
      const { key, context } = sample({ scope: 'acme' });
      const kek = open();
      const wrapped = await kek.wrap(key, context);
      for (const at of positions(wrapped.length)) {
        const changed = Uint8Array.from(wrapped);
        changed[at] = (changed[at] as number) ^ (1 << (at % 8));
        await (redundant ? expectSameOrRefused : expectRefused)(kek.unwrap(changed, context), key);
      }
    });

    test('refuses bytes that it did not make', async ({ open, redundant = false }) => {
      const { key, context } = sample({});
      const kek = open();
      const wrapped = await kek.wrap(key, context);
      const garbage = [
        new Uint8Array(0),
        Uint8Array.of(1),
        new Uint8Array(wrapped.length),
        randomBytes(73),
        randomBytes(20_000),
      ];
      for (const bytes of garbage) await expectRefused(kek.unwrap(bytes, context));
      const resized = [wrapped.subarray(0, -1), wrapped.subarray(1), Buffer.concat([wrapped, Uint8Array.of(0)])];
      for (const bytes of resized)
        await (redundant ? expectSameOrRefused : expectRefused)(kek.unwrap(bytes, context), key);
    });

    test('refuses keys of another length, and texts that are none, before anything is sent', async ({ open }) => {
      const { key, context } = sample({});
      for (const length of [0, 16, 31, 33, 64])
        await expectCode(open().wrap(SecretBytes.random(length), context), 'ERR_KEY_INVALID');
      await expectCode(open().wrap(key, { ...context, scope: '\ud800' }), 'ERR_VALUE');
      const wrapped = await open().wrap(key, { ...context, scope: '\ufffd' });
      await expectCode(open().unwrap(wrapped, { ...context, scope: '\ud800' }), 'ERR_VALUE');
    });

    test("leaves the given key as it is, and gives one that is the caller's", async ({ open }) => {
      const { key, context } = sample({});
      const before = Buffer.from(key.expose());
      const kek = open();
      const wrapped = await kek.wrap(key, context);
      assert.ok(before.equals(key.expose()));
      const first = await kek.unwrap(wrapped, context);
      first.wipe();
      await expectKey(kek, wrapped, { key, context });
      key.wipe();
      await expectCode(kek.wrap(key, context), 'ERR_KEY_INVALID', 'ERR_KEY_WIPED');
    });

    test('keeps concurrent calls apart', async ({ open }) => {
      const kek = open();
      const samples = Array.from({ length: 20 }, (_, at) => sample({ scope: `tenant-${at}` }));
      const wrapped = await Promise.all(samples.map(({ key, context }) => kek.wrap(key, context)));
      await Promise.all(samples.map((each, at) => expectKey(kek, wrapped[at] as Uint8Array, each)));
    });

    test('does nothing for a caller who has given up', async ({ open }) => {
      const { key, context } = sample({});
      const kek = open();
      const wrapped = await kek.wrap(key, context);
      const reason = new Error('given up');
      const signal = AbortSignal.abort(reason);
      await assert.rejects(kek.wrap(key, context, { signal }), (error) => error === reason);
      await assert.rejects(kek.unwrap(wrapped, context, { signal }), (error) => error === reason);
    });

    test('shows neither key, nor wrapped key, nor scope in an error', async ({ open }) => {
      const { key, context } = sample({ scope: 'canaryOfTheScope' });
      const wrapped = await open().wrap(key, context);
      const error = await failure(open().unwrap(wrapped, { ...context, purpose: 'index' }));
      expectNoSecret(error, [key.expose(), wrapped, Buffer.from(context.scope)]);
    });
  });
}

/** Places to change: the header, and some of the rest; with SLOW=1 all, since a request of a remote KEK takes its time. */
function positions(length: number): readonly number[] {
  const all = Array.from({ length }, (_, at) => at);
  return process.env['SLOW'] === '1' ? all : all.filter((at) => at < 8 || at % 9 === 0 || at === length - 1);
}

/** Throws when an error shows one of the secrets, in hexadecimal, base64, or as the text that it is. */
export function expectNoSecret(error: unknown, secrets: readonly Uint8Array[]): void {
  const shown = `${inspect(error, { depth: null, showHidden: true })} ${String(error)} ${JSON.stringify(error)}`;
  for (const secret of secrets) {
    const bytes = Buffer.from(secret).subarray(0, 24);
    for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const)
      assert.ok(
        !shown.includes(bytes.toString(encoding).replace(/[=]+$/, '').slice(0, 12)),
        `an error shows a secret in ${encoding}`,
      );
  }
}

/** A key and a context for it. */
export function sample({ scope = '', purpose = 'data' }: Partial<Pick<WrapContext, 'scope' | 'purpose'>>): Sample {
  const key = SecretBytes.random(32);
  return { key, context: { keyId: deriveKeyId(key), scope, purpose } };
}

/** What a call was rejected with. */
export async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

/** Asserts that a call is rejected with one of the codes. */
export async function expectCode(work: Promise<unknown>, ...codes: readonly FieldsealError['code'][]): Promise<void> {
  const error = await failure(work);
  assert.ok(isFieldsealError(error), `another error than Fieldseal's: ${inspect(error)}`);
  assert.ok(codes.includes(error.code), `${error.code} instead of ${codes.join(' or ')}`);
}

/** Asserts that the KEK gives this key back. */
export async function expectKey(kek: KeyWrapper, wrapped: Uint8Array, { key, context }: Sample): Promise<void> {
  const unwrapped = await kek.unwrap(wrapped, context);
  assert.ok(unwrapped.equals(key));
  unwrapped.wipe();
}

async function expectRefused(work: Promise<unknown>): Promise<void> {
  await expectCode(work, 'ERR_DECRYPT');
}

async function expectSameOrRefused(work: Promise<SecretBytes>, key: SecretBytes): Promise<void> {
  const result = await work.catch((error: unknown) => error);
  if (result instanceof SecretBytes) assert.ok(result.equals(key), 'a changed blob gave another key');
  else assert.ok(isFieldsealError(result, 'ERR_DECRYPT'), inspect(result));
}
