import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MissingKeys } from '../src/keyring/missing-keys.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'], now: 5000 });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('MissingKeys', () => {
  it('remembers an id for two seconds', () => {
    const missing = new MissingKeys();
    expect(missing.has('', 'a')).toBe(false);
    missing.add('', 'a');
    vi.advanceTimersByTime(1999);
    expect([missing.has('', 'a'), missing.has('', 'b')]).toEqual([true, false]);
    vi.advanceTimersByTime(1);
    expect(missing.has('', 'a')).toBe(false);
    missing.add('', 'a');
    expect(missing.has('', 'a')).toBe(true);
  });

  it('holds a thousand ids at most, however many are made up', () => {
    const missing = new MissingKeys();
    for (let id = 0; id < 1000; id++) missing.add('', String(id));
    expect([missing.has('', '0'), missing.has('', '999')]).toEqual([true, true]);
    missing.add('', '1000');
    expect([missing.has('', '0'), missing.has('', '999'), missing.has('', '1000')]).toEqual([false, false, true]);
  });

  it('are missing in their scope only', () => {
    const missing = new MissingKeys();
    missing.add('acme', 'one');
    expect([missing.has('acme', 'one'), missing.has('', 'one'), missing.has('acme', '')]).toEqual([true, false, false]);
  });

  it('may be a scope itself, which can be forgotten', () => {
    const missing = new MissingKeys();
    missing.add('acme');
    missing.add('acme', 'one');
    expect([missing.has('acme'), missing.has('other'), missing.has('')]).toEqual([true, false, false]);
    missing.forget('acme');
    expect([missing.has('acme'), missing.has('acme', 'one')]).toEqual([false, true]);
  });
});
