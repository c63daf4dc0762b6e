import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FailureEvent, ReadWatch } from '@fieldseal/core';
import { expect, test } from 'vitest';
import { type ReadBreakerOptions, readBreaker } from '../src/reading/read-breaker.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';
import { damaged, fieldOf, sampleCipher } from './sample-cipher.ts';

interface Setting {
  readonly breaker: ReadWatch;
  readonly clock: ManualClock;
  as(principal: string | undefined): void;
  fail(times: number, code?: FailureEvent['code'] | 'ERR_DECRYPT'): void;
  /** Whether reading is stopped. */
  stopped(): boolean;
}

function setting(options: Partial<ReadBreakerOptions> = {}): Setting {
  const clock = manualClock(1_000_000);
  let who: string | undefined = 'ada';
  const breaker = readBreaker({ principal: () => who, failures: 5, clock, ...options });
  return {
    breaker,
    clock,
    as: (principal) => {
      who = principal;
    },
    fail: (times, code = 'ERR_DECRYPT') => {
      for (let at = 0; at < times; at++) breaker.failed?.(code as 'ERR_DECRYPT');
    },
    stopped: () => {
      try {
        breaker.admit?.(1);
        return false;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_READ_STOPPED' });
        return true;
      }
    },
  };
}

test('a client that fails too often is stopped, and no other', () => {
  const { fail, stopped, as } = setting();
  fail(4);
  expect(stopped()).toBe(false);
  fail(1);
  expect(stopped()).toBe(true);
  as('bob');
  expect(stopped()).toBe(false);
});

test('reading opens again after a while; the first failure then stops it again', () => {
  const { fail, stopped, clock } = setting();
  fail(5);
  clock.advanceTo(clock.now() + 59_999);
  expect(stopped()).toBe(true);
  clock.advanceTo(clock.now() + 30_000);
  expect(stopped()).toBe(false);
  fail(1);
  expect(stopped()).toBe(true);
});

test('probation ends: who was fine for a window has all tries again', () => {
  const { fail, stopped, clock } = setting();
  fail(5);
  clock.advanceTo(clock.now() + 60_000 + 60_001);
  fail(4);
  expect(stopped()).toBe(false);
  fail(1);
  expect(stopped()).toBe(true);
});

test('failures that are far apart stop nobody', () => {
  const { fail, stopped, clock } = setting();
  for (let at = 0; at < 50; at++) {
    fail(1);
    clock.advanceTo(clock.now() + 20_000);
  }
  expect(stopped()).toBe(false);
});

test('successes between do not clear failures: who reads in bulk has many of them', () => {
  const { fail, stopped, breaker } = setting();
  for (let at = 0; at < 5; at++) {
    fail(1);
    breaker.opened?.([]);
  }
  expect(stopped()).toBe(true);
});

test.each(['ERR_VALUE', 'ERR_READ_STOPPED', 'ERR_KEY_EXHAUSTED'] as const)('%s is no failure of reading', (code) => {
  const { fail, stopped } = setting();
  fail(50, code);
  expect(stopped()).toBe(false);
});

test('nobody known is not stopped, unless it is asked for', () => {
  const open = setting();
  open.as(undefined);
  open.fail(50);
  expect(open.stopped()).toBe(false);
  const strict = setting({ unknown: true });
  strict.as(undefined);
  strict.fail(5);
  expect(strict.stopped()).toBe(true);
  strict.as('ada');
  expect(strict.stopped()).toBe(false);
});

test('a source that throws is nobody known', () => {
  const broken = setting({
    principal: () => {
      throw new Error('broken');
    },
  });
  broken.fail(50);
  expect(broken.stopped()).toBe(false);
});

test.each([{ failures: 0 }, { windowMs: 0 }, { stopMs: -1 }, { failures: Number.NaN }])('%j is refused', (options) => {
  expect(() => setting(options)).toThrow('ERR_OPTIONS');
});

test('the cipher opens nothing for a stopped client, still writes, and tells of it', async () => {
  const seen: string[] = [];
  const listen = (event: unknown): void => void seen.push((event as FailureEvent).code);
  const { encrypt, decrypt } = await sampleCipher([readBreaker({ principal: () => 'ada', failures: 3 })]);
  const [cell] = encrypt(fieldOf('notes'), 'value') as [string];
  subscribe('fieldseal:failure', listen);
  for (let at = 0; at < 3; at++) expect(() => decrypt(fieldOf('notes'), cell, damaged(cell))).toThrow('ERR_DECRYPT');
  expect(() => decrypt(fieldOf('notes'), cell)).toThrow('ERR_READ_STOPPED');
  unsubscribe('fieldseal:failure', listen);
  expect(seen).toEqual(['ERR_DECRYPT', 'ERR_DECRYPT', 'ERR_DECRYPT', 'ERR_READ_STOPPED']);
  expect(encrypt(fieldOf('notes'), 'value')).toHaveLength(1);
});
