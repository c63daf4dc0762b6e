import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  FieldsealError,
  formatRawKey,
  generateRawKey,
  type KekEvent,
  type KeyWrapper,
  SecretBytes,
  XAES_256_GCM,
  XCHACHA20_POLY1305,
} from '@fieldseal/core';
import { LocalKek } from '@fieldseal/core/internal';
import { environmentKek, multiKek, rawKek } from '@fieldseal/core/kek';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectCode, expectKey, failure, sample } from '../src/contracts/key-wrapper.ts';
import { keyWrapperContract } from '../src/index.ts';

const runner = { describe, it };

/** A KEK whose service is down. */
const never: KeyWrapper = {
  id: 'down',
  wrap: async () => down(),
  unwrap: async () => down(),
};

function down(): never {
  throw new FieldsealError('ERR_KEK_UNAVAILABLE', 'the test has taken it down');
}

const [KEY, OTHER] = [generateRawKey(), generateRawKey()];

/** The members of a multi KEK, with ids that are the same for other keys. */
function members(keys: readonly SecretBytes[]): KeyWrapper[] {
  return keys.map((key, at) => ({ ...named(rawKek(key)), id: `member-${at}` }));
}

function named(kek: KeyWrapper): Pick<KeyWrapper, 'wrap' | 'unwrap'> {
  return { wrap: (...args) => kek.wrap(...args), unwrap: (...args) => kek.unwrap(...args) };
}

const local = (id: string, key: SecretBytes) => new LocalKek(id, SecretBytes.copy(key.expose()), XCHACHA20_POLY1305);

keyWrapperContract(
  'the KEK of a keyring',
  async () => ({
    open: () => local('kek', KEY),
    other: () => local('kek', OTHER),
    renamed: () => local('renamed', KEY),
  }),
  runner,
);

const [FIRST, SECOND] = [
  [generateRawKey(), generateRawKey(), generateRawKey()],
  [generateRawKey(), generateRawKey(), generateRawKey()],
];

keyWrapperContract(
  'several at once',
  async () => ({
    open: () => multiKek(members(FIRST)),
    other: () => multiKek(members(SECOND)),
    renamed: () => multiKek(members(FIRST), { id: 'renamed' }),
    redundant: true,
  }),
  runner,
);

describe('a raw KEK', () => {
  it('has an id that commits to its key, and does not show it', () => {
    expect(rawKek(KEY).id).toMatch(/^raw:[0-9a-f]{16}$/);
    expect(rawKek(formatRawKey(KEY)).id).toBe(rawKek(KEY).id);
    expect(rawKek(OTHER).id).not.toBe(rawKek(KEY).id);
    expect(Buffer.from(KEY.expose()).toString('hex')).not.toContain(rawKek(KEY).id.slice(4));
  });

  it.each([
    ['bytes', rawKek(KEY), rawKek(KEY)],
    ['text', rawKek(formatRawKey(KEY)), rawKek(KEY)],
    ['another suite', rawKek(KEY, { suite: XAES_256_GCM }), rawKek(KEY)],
    ['the environment', environmentKek({ FIELDSEAL_KEK: formatRawKey(KEY) }), rawKek(KEY)],
    ['another variable', environmentKek({ APP_KEK: formatRawKey(KEY) }, 'APP_KEK'), rawKek(KEY)],
  ])('is the same one, given as %s', async (_how, kek, same) => {
    const { key, context } = sample({ scope: 'acme' });
    expect(kek.id).toBe(same.id);
    await expectKey(same, await kek.wrap(key, context), { key, context });
    await expectCode(same.unwrap(await rawKek(OTHER).wrap(key, context), context), 'ERR_DECRYPT');
  });

  it('is not the raw key itself, which may open a slot', async () => {
    const { key, context } = sample({});
    const itself = local(rawKek(KEY).id, KEY);
    await expectCode(itself.unwrap(await rawKek(KEY).wrap(key, context), context), 'ERR_DECRYPT');
  });

  it.each([
    [{}, undefined, 'ERR_KEY_MISSING'],
    [{ FIELDSEAL_KEK: '' }, undefined, 'ERR_KEY_MISSING'],
    [{ FIELDSEAL_KEK: 'canary' }, undefined, 'ERR_KEY_INVALID'],
    [{ FIELDSEAL_KEK: formatRawKey(generateRawKey()) }, 'OTHER', 'ERR_KEY_MISSING'],
  ] as const)('is not made of %j', (env, variable, code) => {
    expect(() => environmentKek(env, variable)).toThrow(expect.objectContaining({ code }));
  });

  it('is not made of too few bytes', () => {
    expect(() => rawKek(SecretBytes.random(16))).toThrow(expect.objectContaining({ code: 'ERR_KEY_INVALID' }));
  });
});

describe('several KEKs at once', () => {
  const events: KekEvent[] = [];
  const listen = (event: unknown) => events.push(event as KekEvent);

  beforeEach(() => {
    events.length = 0;
    subscribe('fieldseal:kek', listen);
  });
  afterEach(() => unsubscribe('fieldseal:kek', listen));

  const [a, b, c] = members(FIRST) as [KeyWrapper, KeyWrapper, KeyWrapper];
  /** A member that counts what it is asked, and can be taken down. */
  const watched = (kek: KeyWrapper) => {
    const state = { asked: 0, error: undefined as FieldsealError | undefined };
    const ask = () => {
      state.asked++;
      if (state.error !== undefined) throw state.error;
    };
    const wrapper: KeyWrapper = {
      id: kek.id,
      wrap: async (...args) => {
        ask();
        return kek.wrap(...args);
      },
      unwrap: async (...args) => {
        ask();
        return kek.unwrap(...args);
      },
    };
    return Object.assign(state, { wrapper });
  };
  const unavailable = () => new FieldsealError('ERR_KEK_UNAVAILABLE', 'the test has taken it down');

  it.each([0, 1, 2])('unwrap when only member %i is left, in any order of members', async (left) => {
    const { key, context } = sample({ scope: 'acme' });
    const wrapped = await multiKek([a, b, c]).wrap(key, context);
    const others = [a, b, c].map((member, at) => (at === left ? member : { ...never, id: member.id }));
    await expectKey(multiKek(others), wrapped, { key, context });
    await expectKey(multiKek(others.toReversed()), wrapped, { key, context });
  });

  it('survive a member that is gone for good, and one that came later', async () => {
    const { key, context } = sample({});
    const wrapped = await multiKek([a, b]).wrap(key, context);
    await expectKey(multiKek([c, b]), wrapped, { key, context });
    expect(events.filter(({ outcome }) => outcome === 'partial')).toMatchObject([
      { kekId: c.id, operation: 'unwrap', code: undefined },
    ]);
  });

  it('wrap under all, or not at all', async () => {
    const { key, context } = sample({});
    const error = await failure(multiKek([a, never, c]).wrap(key, context));
    expect(error).toMatchObject({ code: 'ERR_KEK_UNAVAILABLE' });
    expect(events).toMatchObject([
      { outcome: 'partial', kekId: 'down', operation: 'wrap', code: 'ERR_KEK_UNAVAILABLE' },
    ]);
  });

  it('wrap under a quorum where that is asked for, and say who is missing', async () => {
    const { key, context } = sample({});
    const multi = multiKek([a, never, c], { wrapQuorum: 2 });
    const wrapped = await multi.wrap(key, context);
    expect(events).toMatchObject([{ outcome: 'partial', kekId: 'down' }]);
    await expectKey(multi, wrapped, { key, context });
    await expectCode(
      multiKek([never, { ...never, id: 'down-2' }, c], { wrapQuorum: 2 }).wrap(key, context),
      'ERR_KEK_UNAVAILABLE',
    );
  });

  it('ask in their order, and no more than needed', async () => {
    const { key, context } = sample({});
    const [first, second] = [watched(a), watched(b)];
    const multi = multiKek([first.wrapper, second.wrapper]);
    const wrapped = await multi.wrap(key, context);
    await multi.unwrap(wrapped, context);
    expect([first.asked, second.asked]).toEqual([2, 1]);
  });

  it('ask a member that failed last for a while, and still ask it when it is the only one', async () => {
    const { key, context } = sample({});
    const [first, second] = [watched(a), watched(b)];
    const multi = multiKek([first.wrapper, second.wrapper]);
    const wrapped = await multi.wrap(key, context);
    first.error = unavailable();
    await expectKey(multi, wrapped, { key, context });
    await expectKey(multi, wrapped, { key, context });
    expect([first.asked, second.asked]).toEqual([2, 3]);
    first.error = undefined;
    second.error = unavailable();
    await expectKey(multi, wrapped, { key, context });
    second.error = undefined;
    await expectKey(multi, wrapped, { key, context });
    expect([first.asked, second.asked]).toEqual([4, 4]);
  });

  it('ask a member in its turn again at once with restMs 0', async () => {
    const { key, context } = sample({});
    const first = watched(a);
    const multi = multiKek([first.wrapper, b], { restMs: 0 });
    const wrapped = await multi.wrap(key, context);
    first.error = unavailable();
    await expectKey(multi, wrapped, { key, context });
    await expectKey(multi, wrapped, { key, context });
    expect(first.asked).toBe(3);
  });

  it('go on past a member whose part was changed, and report it', async () => {
    const { key, context } = sample({});
    const multi = multiKek([a, b]);
    const wrapped = await multi.wrap(key, context);
    const at = Buffer.from(wrapped).indexOf(a.id) + a.id.length + 10;
    wrapped[at] = (wrapped[at] as number) ^ 1;
    await expectKey(multi, wrapped, { key, context });
    expect(events).toMatchObject([{ outcome: 'partial', kekId: a.id, code: 'ERR_DECRYPT' }]);
  });

  it('are unavailable, and not refused, when a member that might open it is down', async () => {
    const { key, context } = sample({});
    const wrapped = await multiKek([a, b]).wrap(key, context);
    const at = Buffer.from(wrapped).indexOf(b.id) + b.id.length + 10;
    wrapped[at] = (wrapped[at] as number) ^ 1;
    await expectCode(multiKek([{ ...never, id: a.id }, b]).unwrap(wrapped, context), 'ERR_KEK_UNAVAILABLE');
    await expectCode(multiKek([b, { ...never, id: a.id }]).unwrap(wrapped, context), 'ERR_KEK_UNAVAILABLE');
  });

  it('are refused when no member is one that wrapped', async () => {
    const { key, context } = sample({});
    const wrapped = await multiKek([a, b]).wrap(key, context);
    await expectCode(multiKek([c, never]).unwrap(wrapped, context), 'ERR_DECRYPT');
  });

  it('ask nobody any more once their caller has given up', async () => {
    const { key, context } = sample({});
    const wrapped = await multiKek([a, b]).wrap(key, context);
    const controller = new AbortController();
    const second = watched(b);
    const first: KeyWrapper = {
      ...never,
      id: a.id,
      unwrap: async () => {
        controller.abort(new Error('given up'));
        throw unavailable();
      },
    };
    const work = multiKek([first, second.wrapper]).unwrap(wrapped, context, { signal: controller.signal });
    expect(await failure(work)).toBe(controller.signal.reason);
    expect(second.asked).toBe(0);
  });

  it.each([
    ['one member', () => multiKek([a])],
    ['nine members', () => multiKek(Array.from({ length: 9 }, (_, at) => ({ ...never, id: `m${at}` })))],
    ['two members of one id', () => multiKek([a, { ...b, id: a.id }])],
    ['a member with the id of the whole', () => multiKek([a, { ...b, id: 'multi' }])],
    ['an id with a slash', () => multiKek([a, b], { id: 'a/b' })],
    ['no id', () => multiKek([a, b], { id: '' })],
    ['no quorum', () => multiKek([a, b], { wrapQuorum: 0 })],
    ['half a quorum', () => multiKek([a, b], { wrapQuorum: 1.5 })],
    ['too large a quorum', () => multiKek([a, b], { wrapQuorum: 3 })],
  ])('are not made of %s', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  });
});
