import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { currentActor, withActor } from '../src/actor.ts';
import type { DenialEvent } from '../src/events.ts';
import { type FieldUse, type KeyUse, UsePolicy } from '../src/use-policy.ts';
import { codeOf, codeOfPromise } from './error-code.ts';

const USE: FieldUse = { scope: 'acme', model: 'Patient', fields: ['email', 'notes'], operation: 'decrypt' };
const OTHER: FieldUse = { scope: 'acme', model: 'Visit', fields: ['report'], operation: 'encrypt' };

let denials: DenialEvent[] = [];
const hear = (event: unknown) => void denials.push(event as DenialEvent);

beforeEach(() => {
  denials = [];
  subscribe('fieldseal:denial', hear);
});

afterEach(() => {
  unsubscribe('fieldseal:denial', hear);
});

/** Code of the denial, whether it is thrown or rejected. */
async function outcome(policy: UsePolicy, uses: readonly FieldUse[] = [USE]): Promise<string> {
  return codeOfPromise((async () => policy.check(uses))());
}

describe('withActor', () => {
  it('names the actor for all that the work starts, and for nothing else', async () => {
    expect(currentActor()).toBeUndefined();
    const seen = await Promise.all(
      ['ada', 'bob'].map((actor) =>
        withActor(actor, async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return [currentActor(), withActor('inner', currentActor), currentActor()];
        }),
      ),
    );
    expect(seen).toEqual([
      ['ada', 'inner', 'ada'],
      ['bob', 'inner', 'bob'],
    ]);
    expect(currentActor()).toBeUndefined();
  });

  it('ends with the work when that throws', () => {
    expect(() =>
      withActor('ada', () => {
        throw new Error('work');
      }),
    ).toThrow('work');
    expect(currentActor()).toBeUndefined();
  });
});

describe('the hook', () => {
  it('is asked once per use, with the actor, and keeps nothing waiting that it answers at once', () => {
    const asked: KeyUse[] = [];
    const policy = new UsePolicy({ authorize: (use) => asked.push(use) > 0 });
    expect(withActor('ada', () => policy.check([USE, OTHER]))).toBeUndefined();
    expect(policy.check([])).toBeUndefined();
    expect(asked).toEqual([
      { ...USE, actor: 'ada' },
      { ...OTHER, actor: 'ada' },
    ]);
    expect(new UsePolicy({}).check([USE])).toBeUndefined();
  });

  it.each<[string, () => unknown]>([
    ['false', () => false],
    ['undefined', () => undefined],
    ['null', () => null],
    ['1', () => 1],
    ['a text', () => 'yes'],
    ['an object', () => ({})],
    [
      'a throw',
      () => {
        throw new Error('broken');
      },
    ],
    ['a promise of false', async () => false],
    ['a promise of undefined', async () => undefined],
    ['a promise of 1', async () => 1],
    [
      'a rejection',
      async () => {
        throw new Error('broken');
      },
    ],
  ])('denies by %s', async (_what, authorize) => {
    const policy = new UsePolicy({ authorize: authorize as () => boolean });
    expect(await outcome(policy)).toBe('ERR_NOT_AUTHORIZED');
    expect(denials).toMatchObject([
      { code: 'ERR_NOT_AUTHORIZED', model: 'Patient', fields: ['email', 'notes'], operation: 'decrypt' },
    ]);
  });

  it('allows by true and by a promise of it', async () => {
    for (const authorize of [() => true, async () => true])
      expect(await outcome(new UsePolicy({ authorize }))).toBe('none');
    expect(denials).toEqual([]);
  });

  it('denies the whole query when it denies one use of it', async () => {
    for (const wait of [false, true]) {
      const authorize = ({ model }: KeyUse) => (wait ? Promise.resolve(model === 'Patient') : model === 'Patient');
      expect(await outcome(new UsePolicy({ authorize }), [USE, OTHER])).toBe('ERR_NOT_AUTHORIZED');
    }
    const mixed = ({ model }: KeyUse) => (model === 'Patient' ? Promise.reject(new Error('late')) : false);
    expect(await outcome(new UsePolicy({ authorize: mixed }), [USE, OTHER])).toBe('ERR_NOT_AUTHORIZED');
    await new Promise((resolve) => setImmediate(resolve)); // and no rejection is left unhandled
  });

  it('throws at once where it answers at once', () => {
    expect(codeOf(() => new UsePolicy({ authorize: () => false }).check([USE]))).toBe('ERR_NOT_AUTHORIZED');
  });

  it('gets its own error back as the cause, and the denial names no actor', async () => {
    const cause = new Error('no role');
    const policy = new UsePolicy({ authorize: () => Promise.reject(cause) });
    const error = await withActor('canary-actor', async () => policy.check([USE])?.catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({ cause, model: 'Patient' });
    expect(inspect(error)).not.toContain('canary-actor');
    expect(denials[0]?.actor).toBe('canary-actor');
  });
});

describe('an actor', () => {
  it('can be demanded', async () => {
    const policy = new UsePolicy({ requireActor: true });
    expect(await outcome(policy)).toBe('ERR_NOT_AUTHORIZED');
    expect(await withActor('ada', () => outcome(policy))).toBe('none');
    expect(await withActor('', () => outcome(policy))).toBe('none');
    expect(policy.check([])).toBeUndefined();
  });
});

describe('a limiter of rate-limiter-flexible', () => {
  const limited = (points: number): UsePolicy =>
    new UsePolicy({
      limiter: new RateLimiterMemory({ points, duration: 60 }),
      authorize: ({ operation }) => operation !== 'encrypt',
    });

  it('bounds each actor by itself, and those without a name together', async () => {
    const policy = limited(2);
    for (const actor of ['ada', 'bob', 'anonymous']) {
      const outcomes = [];
      for (let at = 0; at < 3; at++) outcomes.push(await withActor(actor, () => outcome(policy)));
      expect(outcomes).toEqual(['none', 'none', 'ERR_RATE_LIMITED']);
    }
    expect([await outcome(policy), await outcome(policy), await outcome(policy)]).toEqual([
      'none',
      'none',
      'ERR_RATE_LIMITED',
    ]);
    expect(denials.map(({ actor }) => actor)).toEqual(['ada', 'bob', 'anonymous', undefined]);
  });

  it('counts points, once per query', async () => {
    const policy = limited(10);
    expect(
      await outcome(policy, [
        { ...USE, points: 6 },
        { ...USE, points: 4 },
      ]),
    ).toBe('none');
    expect(await outcome(policy)).toBe('ERR_RATE_LIMITED');
  });

  it('says how long to wait', async () => {
    const error = await limited(0)
      .check([USE])
      ?.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_RATE_LIMITED', hint: expect.stringMatching(/^Try again in \d+ ms\.$/) });
  });

  it('takes no points for what is not authorised', async () => {
    const policy = limited(1);
    for (let at = 0; at < 3; at++) expect(await outcome(policy, [OTHER])).toBe('ERR_NOT_AUTHORIZED');
    expect(await outcome(policy)).toBe('none');
  });

  it.each<[string, () => Promise<unknown>]>([
    ['an error', () => Promise.reject(new Error('redis is down: SET canary-actor'))],
    ['nothing', () => Promise.reject(undefined)],
    ['null', () => Promise.reject(null)],
    ['an object without a time', () => Promise.reject({})],
    [
      'a throw',
      () => {
        throw new Error('broken');
      },
    ],
  ])('denies when it fails with %s', async (_what, consume) => {
    const policy = new UsePolicy({ limiter: { consume } });
    const error = await withActor('canary-actor', async () => policy.check([USE])?.catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({ code: 'ERR_RATE_LIMITED', hint: expect.stringContaining('insurance') });
    expect(inspect(error)).not.toContain('canary-actor');
    expect(denials[0]?.reason).toBe('the limiter failed');
  });

  it('rejects with what the policy expects', async () => {
    const limiter = new RateLimiterMemory({ points: 0, duration: 60 });
    await expect(limiter.consume('a', 1)).rejects.toBeInstanceOf(RateLimiterRes);
  });
});
