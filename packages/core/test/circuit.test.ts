import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Circuit } from '../src/dek-cache/circuit.ts';

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate'],
  });
});

afterEach(() => {
  vi.useRealTimers();
});

function circuitOf(trial: () => Promise<unknown> = async () => {}): { circuit: Circuit; events: string[] } {
  const events: string[] = [];
  const note = (event: string) => () => void events.push(event);
  const listener = { failed: note('failed'), opened: note('opened'), closed: note('closed') };
  return { circuit: new Circuit(25, trial, listener), events };
}

const fails = () => Promise.reject(new Error('down'));
const hangs = () => new Promise<never>(() => {});

describe('Circuit', () => {
  it('gives what the work gives', async () => {
    const { circuit, events } = circuitOf();
    expect(await circuit.run(async () => 7, null)).toBe(7);
    expect(events).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives the other thing for a failure, thrown at once or later', async () => {
    const { circuit, events } = circuitOf();
    expect(await circuit.run(fails, null)).toBe(null);
    const throws = () => {
      throw new Error('at once');
    };
    expect(await circuit.run(throws, null)).toBe(null);
    expect(events).toEqual(['failed', 'failed']);
  });

  it('gives it when the budget is over, and not a moment earlier', async () => {
    const { circuit, events } = circuitOf();
    let done: unknown = 'not yet';
    const running = circuit.run(hangs, null).then((value) => {
      done = value;
    });
    await vi.advanceTimersByTimeAsync(24);
    expect(done).toBe('not yet');
    await vi.advanceTimersByTimeAsync(2);
    await running;
    expect([done, events]).toEqual([null, ['failed']]);
  });

  it('does not ask after five failures in a row', async () => {
    const { circuit, events } = circuitOf();
    const work = vi.fn(fails);
    for (let at = 0; at < 20; at++) await circuit.run(work, null);
    expect([work.mock.calls.length, circuit.open]).toEqual([5, true]);
    expect(events).toEqual(['failed', 'failed', 'failed', 'failed', 'failed', 'opened']);
    circuit.stop();
  });

  it('counts failures in a row only', async () => {
    const { circuit } = circuitOf();
    for (let at = 0; at < 20; at++) await circuit.run(at % 5 === 4 ? async () => 1 : fails, null);
    expect(circuit.open).toBe(false);
  });

  it('opens once when a hundred calls hang together, all of which end with the budget', async () => {
    const { circuit, events } = circuitOf(hangs);
    const work = vi.fn(hangs);
    const all = Promise.all(Array.from({ length: 100 }, () => circuit.run(work, null)));
    await vi.advanceTimersByTimeAsync(26);
    expect(new Set(await all)).toEqual(new Set([null]));
    expect(events.filter((event) => event === 'opened')).toHaveLength(1);
    for (let at = 0; at < 100; at++) await circuit.run(work, null);
    expect(work).toHaveBeenCalledTimes(100);
    circuit.stop();
  });

  it('tries by itself once a second, while no caller waits for it, and closes when that succeeds', async () => {
    let down = true;
    const trial = vi.fn(async () => {
      if (down) throw new Error('down');
    });
    const { circuit, events } = circuitOf(trial);
    for (let at = 0; at < 5; at++) await circuit.run(fails, null);
    const work = vi.fn(async () => 1);
    for (let second = 0; second < 10; second++) {
      await vi.advanceTimersByTimeAsync(1000);
      expect(await circuit.run(work, null)).toBe(null);
    }
    expect([trial.mock.calls.length, work.mock.calls.length]).toEqual([10, 0]);
    down = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect([circuit.open, events.at(-1), await circuit.run(work, null)]).toEqual([false, 'closed', 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes no second trial while one hangs, and stops when it is told to', async () => {
    const trial = vi.fn(hangs);
    const { circuit } = circuitOf(trial);
    for (let at = 0; at < 5; at++) await circuit.run(fails, null);
    await vi.advanceTimersByTimeAsync(1010);
    expect(trial).toHaveBeenCalledTimes(1);
    circuit.stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(trial).toHaveBeenCalledTimes(1);
  });

  it('takes an answer that lies there unread after the event loop was blocked', async () => {
    vi.useRealTimers();
    const { circuit } = circuitOf();
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise<unknown>((resolve) => {
      port1.once('message', resolve);
    });
    const running = circuit.run(() => answer, null);
    port2.postMessage('in time');
    const until = performance.now() + 60;
    while (performance.now() < until); // busy, as with a large result
    expect(await running).toBe('in time');
    port1.close();
  });
});
