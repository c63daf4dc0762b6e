import { channel } from 'node:diagnostics_channel';
import { afterEach, describe, expect, test } from 'vitest';
import { type Anomaly, type AnomalyOptions, AnomalyWatch } from '../src/anomalies/anomaly-watch.ts';
import { FailureCusum } from '../src/anomalies/failure-cusum.ts';
import { VolumeCusum } from '../src/anomalies/volume-cusum.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import { poisson, randomSource } from './random-source.ts';

const WINDOW_S = 10;
const DAY = (24 * 3600) / WINDOW_S;
const RUNS = process.env['SLOW'] === '1' ? 300 : 50;
/** Usual share of failures, and that of an attack. */
const [USUAL, ATTACK] = [0.0002, 0.01];

function quantile(values: readonly number[], q: number): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(q * values.length) - 1] as number;
}

/** Share of days on which usual traffic raises an alarm. */
function falseDays(rate: number, threshold: number, seed: number): number {
  const random = randomSource(seed);
  let days = 0;
  for (let run = 0; run < RUNS; run++) {
    const cusum = new FailureCusum({ baseline: USUAL, threshold });
    let alarm = false;
    for (let at = 0; at < DAY && !alarm; at++)
      alarm = cusum.add(rate * WINDOW_S, poisson(random, rate * WINDOW_S * USUAL));
    if (alarm) days++;
  }
  return days / RUNS;
}

/** Seconds until an attack is found, behind an hour of usual traffic. */
function delays(rate: number, seed: number): number[] {
  const random = randomSource(seed);
  return Array.from({ length: 300 }, () => {
    const cusum = new FailureCusum({ baseline: USUAL });
    for (let at = 0; at < 360; at++) cusum.add(rate * WINDOW_S, poisson(random, rate * WINDOW_S * USUAL));
    for (let at = 1; ; at++)
      if (cusum.add(rate * WINDOW_S, poisson(random, rate * WINDOW_S * ATTACK))) return at * WINDOW_S;
  });
}

describe('the failure rate, simulated', () => {
  test.each([10, 100, 1000])('at %i queries a second at most 2 of 100 days have a false alarm', (rate) => {
    expect(falseDays(rate, 12, 1)).toBeLessThanOrEqual(0.02);
  });

  test('a threshold of 6 would alarm for nothing on many days', () => {
    expect(falseDays(100, 6, 2)).toBeGreaterThan(0.25);
  });

  test('a rise from 0.02 % to 1 % is found within 20 s at 100 queries a second and more', () => {
    for (const rate of [100, 1000]) expect(quantile(delays(rate, 3), 0.99)).toBeLessThanOrEqual(20);
  });

  test('at 10 queries a second it takes 80 s in half of the cases, and 190 s in one of a hundred', () => {
    const found = delays(10, 4);
    expect(quantile(found, 0.5)).toBeLessThanOrEqual(80);
    expect(quantile(found, 0.99)).toBeLessThanOrEqual(190);
  });

  test('without failures nothing is ever found, and one failure is no alarm', () => {
    const cusum = new FailureCusum();
    const alarms = Array.from({ length: 100_000 }, () => cusum.add(1000, 0));
    expect(alarms).not.toContain(true);
    expect(cusum.add(1, 1)).toBe(false);
  });
});

/** Values of a window of a client that sends queries of 1 to 99 values. */
function volume(random: () => number, queries: number): number {
  let values = 0;
  for (let left = poisson(random, queries); left > 0; left--) values += 1 + Math.floor(random() * 99);
  return values;
}

describe('the volume of a client, simulated', () => {
  test.each([0.1, 2, 20])(
    '%d queries a window: at most 2 of 100 days have a false alarm behind the first hour',
    (queries) => {
      const random = randomSource(5);
      let days = 0;
      for (let run = 0; run < RUNS; run++) {
        const cusum = new VolumeCusum();
        let alarm = false;
        for (let at = 0; at < DAY + 360; at++) alarm = (cusum.add(volume(random, queries)) && at >= 360) || alarm;
        if (alarm) days++;
      }
      expect(days / RUNS).toBeLessThanOrEqual(0.02);
    },
  );

  test.each([2, 20])('%d queries a window: ten times as much is found within 30 s, mostly within 20', (queries) => {
    const random = randomSource(6);
    const found = Array.from({ length: 200 }, () => {
      const cusum = new VolumeCusum();
      for (let at = 0; at < 3 * 360; at++) cusum.add(volume(random, queries));
      for (let at = 1; ; at++) if (cusum.add(volume(random, 10 * queries))) return at * WINDOW_S;
    });
    expect(quantile(found, 0.99)).toBeLessThanOrEqual(30);
    expect(quantile(found, 0.75)).toBeLessThanOrEqual(20);
  });

  test('an export by a client that hardly reads is found in its first window', () => {
    expect(new VolumeCusum().add(3000)).toBe(true);
  });

  test('what goes on for hours becomes usual', () => {
    const cusum = new VolumeCusum();
    const alarms = Array.from({ length: 3 * 360 }, () => cusum.add(3000));
    expect(alarms.slice(0, 5)).toContain(true);
    expect(alarms.slice(-360)).not.toContain(true);
  });
});

const watches: AnomalyWatch[] = [];
afterEach(() => {
  for (const watch of watches.splice(0)) watch.stop();
});

function watched(options: AnomalyOptions = {}): { watch: AnomalyWatch; counts: () => Record<string, number> } {
  const metrics = new Metrics();
  const watch = new AnomalyWatch(metrics, options);
  watches.push(watch);
  const counts = () =>
    Object.fromEntries([...metrics.series('anomalies')].map(({ labels, value }) => [labels[0], value]));
  return { watch, counts };
}

function decrypt(count: number, operation = 'decrypt'): void {
  channel('fieldseal:cipher').publish({ operation, count });
}

describe('AnomalyWatch', () => {
  test('knows clients apart, and tells the application alone who it is', () => {
    let principal: string | undefined;
    const seen: Anomaly[] = [];
    const { watch, counts } = watched({ principal: () => principal, onAnomaly: (anomaly) => seen.push(anomaly) });
    for (let at = 0; at < 30; at++) {
      for (const name of ['ada', 'bob']) {
        principal = name;
        decrypt(50);
      }
      principal = undefined;
      decrypt(100_000); // nobody known
      watch.endWindow();
    }
    principal = 'bob';
    decrypt(5000);
    decrypt(100_000, 'encrypt');
    watch.endWindow();
    expect(seen).toEqual([{ kind: 'volume', principal: 'bob' }]);
    expect(counts()).toEqual({ failures: 0, volume: 1 });
  });

  test('counts failures of reading, and no others', () => {
    const { watch, counts } = watched();
    const fail = (code: string) => channel('fieldseal:failure').publish({ code });
    for (let at = 0; at < 100; at++) fail('ERR_VALUE');
    watch.endWindow();
    expect(counts()).toEqual({ failures: 0, volume: 0 });
    for (let at = 0; at < 20; at++) fail('ERR_DECRYPT');
    watch.endWindow();
    expect(counts()).toEqual({ failures: 1, volume: 0 });
  });

  test('a source or a callback that throws disturbs nobody', () => {
    const broken = () => {
      throw new Error('broken');
    };
    const { watch, counts } = watched({ principal: broken, onAnomaly: broken });
    decrypt(100_000);
    for (let at = 0; at < 20; at++) channel('fieldseal:failure').publish({ code: 'ERR_DECRYPT' });
    watch.endWindow();
    expect(counts()).toEqual({ failures: 1, volume: 0 });
  });

  test('of many clients the latest are known', () => {
    let at = 0;
    const { watch, counts } = watched({ principal: () => `client ${at}` });
    for (; at < 30_000; at++) decrypt(1);
    at = 29_999;
    decrypt(9000);
    watch.endWindow();
    expect(counts()['volume']).toBe(1);
  });
});
