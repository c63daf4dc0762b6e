import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FieldsealError, KekEvent, KeyWrapper } from '@fieldseal/core';
import type { CallPolicy } from '@fieldseal/core/kek';
import type { ContractRunner } from './contract-runner.ts';
import { expectCode, expectKey, expectNoSecret, failure, sample } from './key-wrapper.ts';

/** What a key service can be made to do instead of its work. */
export type ServiceFault =
  | 'unavailable'
  | 'throttled'
  | 'reset'
  | 'hang'
  | 'denied'
  | 'disabled'
  | 'notFound'
  | 'malformed'
  | 'truncated';

/** A KEK whose service can be made to fail. A new one for every test. */
export interface RemoteKeyWrapperFixture {
  /** A wrapper with this policy. */
  open(policy: CallPolicy): KeyWrapper;
  /** The next `times` requests fail in this way. */
  fail(fault: ServiceFault, times: number): void;
  /** Requests that the service has got. */
  requests(): number;
  /** Whatever may hold key bytes after a call and is ours to wipe: buffers that went to a client, or came from it. */
  buffers?(): readonly Uint8Array[];
  /** Secrets that the service was given besides the key, as a token. */
  readonly secrets?: readonly string[];
  /** Faults that this kind of service cannot have. */
  readonly without?: readonly ServiceFault[];
  close?(): Promise<void>;
}

/** Every fault: the code that it ends in, and whether it may pass, so that it is tried again. */
const FAULTS: Readonly<Record<ServiceFault, { readonly code: FieldsealError['code']; readonly transient: boolean }>> = {
  unavailable: { code: 'ERR_KEK_UNAVAILABLE', transient: true },
  throttled: { code: 'ERR_KEK_THROTTLED', transient: true },
  reset: { code: 'ERR_KEK_UNAVAILABLE', transient: true },
  hang: { code: 'ERR_KEK_TIMEOUT', transient: true },
  denied: { code: 'ERR_KEK_DENIED', transient: false },
  disabled: { code: 'ERR_KEK_DISABLED', transient: false },
  notFound: { code: 'ERR_KEK_NOT_FOUND', transient: false },
  malformed: { code: 'ERR_KEK_RESPONSE', transient: false },
  truncated: { code: 'ERR_KEK_UNAVAILABLE', transient: true },
};

const ATTEMPTS = 3;

/** Time enough for a slow machine, and short waits. */
const QUICK: CallPolicy = { timeoutMs: 10_000, deadlineMs: 60_000, attempts: ATTEMPTS, backoffMs: 5 };

/** For a service that never answers. */
const SHORT: CallPolicy = { ...QUICK, timeoutMs: 60, attempts: 2 };

/**
 * What a KEK in a key service does besides keyWrapperContract: it tries again what may pass and nothing else, gives typed errors, stops when
 * its caller gives up, and wipes what it had in hand.
 *
 * @param make - makes a KEK and its service
 */
export function remoteKeyWrapperContract(
  name: string,
  make: () => Promise<RemoteKeyWrapperFixture>,
  runner: ContractRunner,
): void {
  const test = (title: string, body: (fixture: RemoteKeyWrapperFixture) => Promise<void>) =>
    runner.it(title, async () => {
      const fixture = await make();
      try {
        await body(fixture);
      } finally {
        await fixture.close?.();
      }
    });
  const each = (
    title: string,
    faults: readonly ServiceFault[],
    body: (fixture: RemoteKeyWrapperFixture, fault: ServiceFault) => Promise<void>,
  ) => {
    for (const fault of faults)
      test(`${fault}: ${title}`, async (fixture) => {
        if (fixture.without?.includes(fault) !== true) await body(fixture, fault);
      });
  };
  const all = Object.keys(FAULTS) as ServiceFault[];
  // A hanging service costs the whole time of an attempt, so it is tried once, below.
  const passing = all.filter((fault) => FAULTS[fault].transient && fault !== 'hang');
  const lasting = all.filter((fault) => !FAULTS[fault].transient);

  runner.describe(`remote key wrapper contract: ${name}`, () => {
    each('is tried again, and then served', passing, async ({ open, fail, requests }, fault) => {
      const { key, context } = sample({ scope: 'acme' });
      const kek = open(QUICK);
      fail(fault, ATTEMPTS - 1);
      const wrapped = await kek.wrap(key, context);
      assert.equal(requests(), ATTEMPTS);
      fail(fault, ATTEMPTS - 1);
      await expectKey(kek, wrapped, { key, context });
      assert.equal(requests(), 2 * ATTEMPTS);
    });

    each('is given up after three attempts', passing, async ({ open, fail, requests }, fault) => {
      const { key, context } = sample({});
      fail(fault, ATTEMPTS + 5);
      await expectCode(open(QUICK).wrap(key, context), FAULTS[fault].code);
      assert.equal(requests(), ATTEMPTS);
    });

    each('is not tried again', lasting, async ({ open, fail, requests }, fault) => {
      const { key, context } = sample({});
      const kek = open(QUICK);
      const wrapped = await kek.wrap(key, context);
      fail(fault, 1);
      await expectCode(kek.unwrap(wrapped, context), FAULTS[fault].code);
      fail(fault, 1);
      await expectCode(kek.wrap(key, context), FAULTS[fault].code);
      assert.equal(requests(), 3);
      await expectKey(kek, wrapped, { key, context });
    });

    each(
      'shows no secret in its error, and wipes what it had in hand',
      all.filter((fault) => fault !== 'hang'),
      async (fixture, fault) => {
        const { open, fail, buffers, secrets = [] } = fixture;
        const { key, context } = sample({ scope: 'canaryOfTheScope' });
        const kek = open(QUICK);
        const wrapped = await kek.wrap(key, context);
        const hidden = [key.expose(), wrapped, Buffer.from(context.scope), ...secrets.map((text) => Buffer.from(text))];
        fail(fault, ATTEMPTS);
        expectNoSecret(await failure(kek.wrap(key, context)), hidden);
        fail(fault, 0);
        fail(fault, ATTEMPTS);
        expectNoSecret(await failure(kek.unwrap(wrapped, context)), hidden);
        for (const buffer of buffers?.() ?? [])
          assert.ok(
            buffer.every((byte) => byte === 0),
            'a buffer was not wiped',
          );
      },
    );

    test('a wrapped key that does not open is no reason to ask again', async ({ open, requests }) => {
      const { key, context } = sample({});
      const kek = open(QUICK);
      const wrapped = await kek.wrap(key, context);
      await expectCode(kek.unwrap(wrapped, { ...context, purpose: 'index' }), 'ERR_DECRYPT');
      assert.ok(requests() <= 2);
    });

    test('wipes what it had in hand after success', async ({ open, buffers }) => {
      const { key, context } = sample({});
      const kek = open(QUICK);
      const wrapped = await kek.wrap(key, context);
      (await kek.unwrap(wrapped, context)).wipe();
      for (const buffer of buffers?.() ?? [])
        assert.ok(
          buffer.every((byte) => byte === 0),
          'a buffer was not wiped',
        );
    });

    test('hang: is given up when its time is over, and the next request is served', async ({ open, fail, without }) => {
      if (without?.includes('hang') === true) return;
      const { key, context } = sample({});
      fail('hang', 2);
      await expectCode(open(SHORT).wrap(key, context), 'ERR_KEK_TIMEOUT');
      const kek = open(QUICK);
      await expectKey(kek, await kek.wrap(key, context), { key, context });
    });

    test('stops when its caller gives up, with the reason of the caller', async ({ open, fail, requests, without }) => {
      if (without?.includes('hang') === true) return;
      const { key, context } = sample({});
      const kek = open({ ...QUICK, attempts: 1 });
      const wrapped = await kek.wrap(key, context);
      fail('hang', 1);
      const controller = new AbortController();
      const reason = new Error('given up');
      const work = failure(kek.unwrap(wrapped, context, { signal: controller.signal }));
      while (requests() < 2) await new Promise((resolve) => setImmediate(resolve));
      controller.abort(reason);
      assert.equal(await work, reason);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(requests(), 2);
    });

    test('publishes what happened, without the scope', async ({ open, fail }) => {
      const events: KekEvent[] = [];
      const listen = (event: unknown) => events.push(event as KekEvent);
      const { key, context } = sample({ scope: 'canaryOfTheScope' });
      const kek = open(QUICK);
      subscribe('fieldseal:kek', listen);
      try {
        fail('unavailable', 1);
        await kek.wrap(key, context);
        fail('denied', 1);
        await failure(kek.wrap(key, context));
      } finally {
        unsubscribe('fieldseal:kek', listen);
      }
      assert.deepEqual(
        events.map(({ operation, kekId, outcome, code, attempt }) => ({ operation, kekId, outcome, code, attempt })),
        [
          { operation: 'wrap', kekId: kek.id, outcome: 'retry', code: 'ERR_KEK_UNAVAILABLE', attempt: 1 },
          { operation: 'wrap', kekId: kek.id, outcome: 'ok', code: undefined, attempt: 2 },
          { operation: 'wrap', kekId: kek.id, outcome: 'failed', code: 'ERR_KEK_DENIED', attempt: 1 },
        ],
      );
      assert.ok(!JSON.stringify(events).includes('canary'));
    });
  });
}
