import { expect, test } from 'vitest';
import type { Notice } from '../src/alerts/alert.ts';
import { AlertEngine, type AlertEngineParts } from '../src/alerts/alert-engine.ts';
import type { AlertRule } from '../src/alerts/alert-rule.ts';
import { type AlertStore, memoryAlertStore } from '../src/alerts/alert-store.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';

const RULE: AlertRule = {
  id: 'breaker-open',
  severity: 'critical',
  summary: 'It is open.',
  condition: { kind: 'value', of: { metric: 'breaker.state' }, atLeast: 2 },
  by: ['breaker'],
  hold: 20,
  cooldown: 60,
};

interface Setting {
  readonly engine: AlertEngine;
  readonly metrics: Metrics;
  readonly clock: ManualClock;
  readonly store: AlertStore;
  readonly notices: Notice[];
  /** Sets the breaker and lets seconds pass, an evaluation every ten. */
  run(state: 0 | 2, seconds: number, breaker?: string): Promise<void>;
  told(): string[];
}

function setting(parts: Partial<AlertEngineParts> = {}, rule: AlertRule = RULE): Setting {
  const notices: Notice[] = [];
  const clock = (parts.clock as ManualClock | undefined) ?? manualClock();
  const metrics = parts.metrics ?? new Metrics();
  const store = parts.store ?? memoryAlertStore();
  const sinks = parts.sinks ?? [{ deliver: async (notice) => void notices.push(notice) }];
  const engine = new AlertEngine({ metrics, rules: [rule], sinks, store, clock, runbooks: 'https://r.example' });
  return {
    engine,
    metrics,
    clock,
    store,
    notices,
    run: async (state, seconds, breaker = 'redis') => {
      metrics.set('breaker.state', [breaker], state);
      for (const end = clock.now() + seconds * 1000; clock.now() < end; ) {
        clock.advanceTo(clock.now() + 10_000);
        await engine.tick();
      }
      await engine.settled();
    },
    told: () => notices.splice(0).map(({ state, labels }) => `${state} ${labels['breaker']}`),
  };
}

const keyOf = (engine: AlertEngine): string => engine.active[0]?.key ?? '';

test('it fires when the condition has held for long enough, once, and tells when it is over', async () => {
  const { run, told, notices, engine } = setting();
  await run(2, 20);
  expect(told()).toEqual([]);
  expect(engine.active).toMatchObject([{ state: 'pending' }]);
  await run(2, 10);
  expect(notices).toMatchObject([
    {
      rule: 'breaker-open',
      severity: 'critical',
      state: 'firing',
      labels: { breaker: 'redis' },
      value: 2,
      since: '1970-01-01T00:00:30.000Z',
      runbook: 'https://r.example/breaker-open.md',
    },
  ]);
  expect(told()).toEqual(['firing redis']);
  expect(engine.firing('critical')).toBe(1);
  await run(0, 10);
  expect(told()).toEqual(['resolved redis']);
  expect(engine.active).toEqual([]);
});

test('a condition that comes and goes does not fire', async () => {
  const { run, told } = setting();
  for (let at = 0; at < 5; at++) {
    await run(2, 20);
    await run(0, 10);
  }
  expect(told()).toEqual([]);
});

test('labels make alerts of their own', async () => {
  const { run, told, engine } = setting();
  await run(2, 30, 'redis');
  await run(2, 30, 'kms');
  expect(told()).toEqual(['firing redis', 'firing kms']);
  expect(new Set(engine.active.map(({ key }) => key)).size).toBe(2);
  await run(0, 10, 'redis');
  expect(told()).toEqual(['resolved redis']);
});

test('notices are repeated after the cooldown, and a flapping alert sends no more of them', async () => {
  const { run, told } = setting();
  await run(2, 30);
  expect(told()).toEqual(['firing redis']);
  await run(2, 50);
  expect(told()).toEqual([]);
  await run(2, 10);
  expect(told()).toEqual(['firing redis']);
  await run(0, 10);
  expect(told()).toEqual(['resolved redis']);
  await run(2, 30); // fires again within the cooldown: nobody is told, nor of its end
  await run(0, 10);
  expect(told()).toEqual([]);
  await run(2, 60);
  expect(told()).toEqual(['firing redis']);
});

test('who acknowledges gets no more notices until the time is over', async () => {
  const { run, told, engine } = setting();
  await run(2, 30);
  await engine.acknowledge(keyOf(engine), 'ada', 'looking at it', 200_000);
  told();
  await run(2, 190);
  expect(told()).toEqual([]);
  expect(engine.active).toMatchObject([{ acknowledgement: { owner: 'ada', comment: 'looking at it' } }]);
  await run(2, 20);
  expect(told()).toEqual(['firing redis']);
  expect(engine.active).toMatchObject([{ acknowledgement: null }]);
});

test('an acknowledgement ends with the alert', async () => {
  const { run, told, engine, store } = setting();
  await run(2, 30);
  await engine.acknowledge(keyOf(engine), 'ada', '', 3_600_000);
  await run(0, 120);
  await run(2, 30);
  expect(told()).toEqual(['firing redis', 'resolved redis', 'firing redis']);
  expect((await store.load())[0]?.acknowledgement).toBeNull();
});

test.each([
  ['an unknown alert', 'nothing', 'ada', '', 1000],
  ['no owner', null, ' ', '', 1000],
  ['a long owner', null, 'a'.repeat(201), '', 1000],
  ['a long comment', null, 'ada', 'c'.repeat(1001), 1000],
  ['no time', null, 'ada', '', 0],
  ['two months', null, 'ada', '', 60 * 24 * 3600 * 1000],
  ['no number', null, 'ada', '', Number.NaN],
])('is not acknowledged with %s', async (_, key, owner, comment, time) => {
  const { run, engine } = setting();
  await run(2, 30);
  await expect(engine.acknowledge(key ?? keyOf(engine), owner, comment, time)).rejects.toThrow('ERR_OPTIONS');
});

test('a restart repeats no notice, forgets no acknowledgement, and tells of an end', async () => {
  const first = setting();
  await first.run(2, 30);
  await first.engine.acknowledge(keyOf(first.engine), 'ada', '', 3_600_000);
  const { clock, store, metrics } = first;
  const second = setting({ clock, store, metrics });
  await second.run(2, 60);
  expect(second.told()).toEqual([]);
  expect(second.engine.active).toMatchObject([{ acknowledgement: { owner: 'ada' } }]);
  await second.run(0, 10);
  expect(second.told()).toEqual(['resolved redis']);
});

test('another process may acknowledge in the store; what it says of an earlier alert does not count', async () => {
  const { run, told, engine, store, clock } = setting();
  await run(2, 30);
  const given = clock.now();
  await store.acknowledge(keyOf(engine), { owner: 'bob', comment: '', given, until: given + 3_600_000 });
  await run(2, 120);
  expect(told()).toEqual(['firing redis']);
  await run(0, 100);
  await run(2, 20);
  // Left over from before, as when taking it away failed.
  await store.acknowledge('x', null);
  await run(2, 10);
  await store.acknowledge(keyOf(engine), { owner: 'bob', comment: '', given, until: given + 3_600_000 });
  told();
  await run(2, 100);
  expect(told()).toEqual(['firing redis']);
});

test('a store that fails or hangs stops no alert', async () => {
  const refuse = () => Promise.reject(new Error('no store'));
  const failing = setting({ store: { load: refuse, save: refuse, acknowledge: refuse } });
  await failing.run(2, 30);
  expect(failing.told()).toEqual(['firing redis']);

  const hang = () => new Promise<never>(() => undefined);
  const hanging = setting({ store: { load: hang, save: hang, acknowledge: hang } });
  hanging.metrics.set('breaker.state', ['redis'], 2);
  for (let at = 0; at < 12; at++) {
    hanging.clock.advanceTo(hanging.clock.now() + 10_000);
    const tick = hanging.engine.tick();
    for (let turn = 0; turn < 5; turn++) {
      await new Promise(setImmediate);
      hanging.clock.advanceTo(hanging.clock.now() + 2000);
    }
    await tick;
  }
  expect(hanging.told()).toContain('firing redis');
});

test('sinks that fail or hang are counted, and stop no other', async () => {
  const notices: string[] = [];
  const rule = { ...RULE, hold: 0, cooldown: 1 };
  const { run, metrics, engine } = setting(
    {
      sinks: [
        { deliver: () => Promise.reject(new Error('down')) },
        {
          deliver: () => {
            throw new Error('broken');
          },
        },
        { deliver: async ({ state }) => void notices.push(state) },
      ],
    },
    rule,
  );
  await run(2, 20);
  expect(notices).toEqual(['firing', 'firing']);
  const counts = Object.fromEntries(
    [...metrics.series('alerts.deliveries')].map(({ labels, value }) => [labels[0], value]),
  );
  expect(counts).toEqual({ delivered: 2, failed: 4 });
  expect(engine.firing('critical')).toBe(1);
});

test('deliveries that hang are bounded', async () => {
  const rule = { ...RULE, hold: 0, cooldown: 1 };
  let under = 0;
  const hang = { deliver: () => new Promise<never>(() => void under++) };
  const { engine, metrics, clock } = setting({ sinks: [hang] }, rule);
  metrics.set('breaker.state', ['redis'], 2);
  for (let at = 0; at < 150; at++) {
    clock.advanceTo(clock.now() + 10_000);
    await engine.tick();
  }
  expect(under).toBe(100);
  expect([...metrics.series('alerts.deliveries')].find(({ labels }) => labels[0] === 'failed')?.value).toBe(50);
});

test('what happened before the first evaluation is not lost', async () => {
  const metrics = new Metrics();
  const rule: AlertRule = {
    ...RULE,
    condition: { kind: 'increase', of: { metric: 'honey.opened' }, above: 0, window: 300 },
    by: [],
    hold: 0,
  };
  const { engine, clock, notices } = setting({ metrics }, rule);
  metrics.add('honey.opened', []);
  clock.advanceTo(10_000);
  await engine.tick();
  await engine.settled();
  expect(notices).toMatchObject([{ state: 'firing', value: 1, key: 'breaker-open' }]);
});

test('a counter that starts again counts from 0', async () => {
  const metrics = new Metrics();
  metrics.set('job.rows', ['verify', 'Patient'], 100);
  const rule: AlertRule = {
    ...RULE,
    condition: { kind: 'increase', of: { metric: 'job.rows' }, above: 25, window: 300 },
    by: [],
    hold: 0,
  };
  const { engine, clock } = setting({ metrics }, rule);
  for (const total of [20, 27]) {
    metrics.set('job.rows', ['verify', 'Patient'], total);
    clock.advanceTo(clock.now() + 10_000);
    await engine.tick();
  }
  expect(engine.active).toMatchObject([{ value: 27 }]);
});

test('a job that ran before the engine began is stalled once a whole window has been seen', async () => {
  const metrics = new Metrics();
  const job = ['reencrypt', 'Patient'];
  metrics.set('job.running', job, 1);
  metrics.set('job.rows', job, 50);
  const condition = {
    kind: 'stalled',
    running: { metric: 'job.running' },
    progress: { metric: 'job.rows' },
    window: 900,
  } as const;
  const { engine, clock } = setting({ metrics }, { ...RULE, condition, by: ['kind', 'model'], hold: 0 });
  const states: number[] = [];
  for (let at = 10; at <= 920; at += 10) {
    clock.advanceTo(at * 1000);
    await engine.tick();
    if (engine.active.length > 0) states.push(at);
  }
  expect(states[0]).toBe(900);
});
