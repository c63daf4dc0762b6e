import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Notice } from '../src/alerts/alert.ts';
import { AlertEngine } from '../src/alerts/alert-engine.ts';
import { runbookOf } from '../src/alerts/alert-rule.ts';
import { memoryAlertStore } from '../src/alerts/alert-store.ts';
import { RULES } from '../src/alerts/rules.ts';
import { definitionOf } from '../src/metrics/metric-table.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import { manualClock } from './manual-clock.ts';
import { type CaseSeries, RULE_CASES, type RuleCase, samplesOf, secondsOf } from './rule-cases.ts';

/** The notices of one rule that series lead to. */
async function noticesOf({ rule, interval, at }: RuleCase, series: readonly CaseSeries[]): Promise<Notice[]> {
  const clock = manualClock();
  const metrics = new Metrics();
  const notices: Notice[] = [];
  const fill = (step: number): void => {
    for (const { metric, labels, values } of series) {
      const value = samplesOf(values)[step];
      const names = definitionOf(metric).labels;
      if (value != null)
        metrics.set(
          metric,
          names.map((name) => labels[name] ?? ''),
          value,
        );
    }
  };
  fill(0);
  const engine = new AlertEngine({
    metrics,
    rules: RULES.filter(({ id }) => id === rule),
    sinks: [{ deliver: async (notice) => void notices.push(notice) }],
    store: memoryAlertStore(),
    clock,
    runbooks: 'docs/runbooks',
  });
  const step = secondsOf(interval);
  for (let now = step, place = 1; now <= secondsOf(at); now += step, place++) {
    fill(place);
    clock.advanceTo(now * 1000);
    await engine.tick();
  }
  await engine.settled();
  return notices.filter(({ key }) => engine.active.some((alert) => alert.key === key && alert.state === 'firing'));
}

test('every rule has a case, and every case a rule', () => {
  expect(RULE_CASES.map(({ rule }) => rule).sort()).toEqual(RULES.map(({ id }) => id).sort());
  for (const { quiet } of RULE_CASES) expect(Object.keys(quiet)).not.toEqual([]);
});

test('ids are unique, and each has its runbook', () => {
  expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
  const root = new URL('../../../', import.meta.url);
  for (const rule of RULES)
    expect([rule.id, existsSync(fileURLToPath(new URL(runbookOf(rule), root)))]).toEqual([rule.id, true]);
});

describe.each(RULE_CASES)('$rule', (one) => {
  test('fires', async () => {
    const notices = await noticesOf(one, one.firing);
    expect(notices.map(({ rule, labels, state }) => ({ rule, labels, state }))).toContainEqual({
      rule: one.rule,
      labels: one.labels,
      state: 'firing',
    });
    expect(new Set(notices.map(({ key }) => key)).size).toBe(1);
  });

  test.each(Object.entries(one.quiet))('is quiet when: %s', async (_, series) => {
    expect(await noticesOf(one, series)).toEqual([]);
  });
});

test('failures are told of within a minute', async () => {
  // What the engine adds: one interval of ten seconds, and the hold of the rule.
  for (const rule of RULES.filter(({ severity }) => severity === 'critical'))
    expect(10 + rule.hold).toBeLessThanOrEqual(70);
  for (const id of ['decrypt-failure-ratio', 'decrypt-failure-burst', 'honey-cell-opened', 'reading-stopped'])
    expect(RULES.find((rule) => rule.id === id)?.hold).toBe(0);
});
