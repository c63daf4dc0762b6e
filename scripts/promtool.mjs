/**
 * Tries what @fieldseal/monitor makes for Prometheus with Prometheus' own promtool: the alert rules, the cases of packages/monitor/test by which
 * the engine of the package is tested too, and the page of metrics. A job of its own, since it needs a program that the tests do without:
 *
 *     node scripts/promtool.mjs
 *
 * It takes an installed promtool, or unpacks the Debian package into .cache/services/promtool; nothing is installed. The packages of the project
 * have to be built (`npm run build`).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianTools, run } from './debian-packages.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const monitor = await import(`${ROOT}/packages/monitor/dist/index.js`);
const { prometheusLabel, prometheusName, METRIC_NAMES, definitionOf } = await import(
  `${ROOT}/packages/monitor/dist/metrics/metric-table.js`
);
const { Metrics } = await import(`${ROOT}/packages/monitor/dist/metrics/metrics.js`);
const cases = JSON.parse(readFileSync(join(ROOT, 'packages/monitor/test/rule-cases.json'), 'utf8'));

const tools = debianTools(ROOT, { name: 'promtool', packages: ['prometheus'], probe: ['promtool', '--version'] });
const folder = mkdtempSync(join(tmpdir(), 'fieldseal-promtool-'));
try {
  const file = (name) => join(folder, name);
  writeFileSync(file('rules.yml'), monitor.prometheusRules());
  const tests = [...new Set(cases.map(({ interval }) => interval))].map((interval) => {
    const chosen = cases.filter((one) => one.interval === interval);
    // YAML holds JSON.
    const text = { rule_files: ['rules.yml'], evaluation_interval: interval, tests: chosen.flatMap(testsOf) };
    writeFileSync(file(`tests-${interval}.yml`), JSON.stringify(text));
    return file(`tests-${interval}.yml`);
  });
  say('check rules', checked(['check', 'rules', file('rules.yml')]));
  say('test rules', checked(['test', 'rules', ...tests]));
  say('check metrics', checked(['check', 'metrics'], page()));
  refuseBrokenRules(file('rules.yml'), tests);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A firing test, and a quiet one for each reason to be quiet. */
function testsOf({ rule: id, interval, at, firing, labels, quiet }) {
  const rule = monitor.RULES.find((one) => one.id === id);
  const expected = {
    exp_labels: { severity: rule.severity, ...named(labels) },
    exp_annotations: { summary: rule.summary, runbook_url: `docs/runbooks/${id}.md` },
  };
  const test = (name, series, alerts) => ({
    name: `${id}: ${name}`,
    interval,
    input_series: series.map(({ metric, labels: all, values }) => ({ series: seriesName(metric, all), values })),
    alert_rule_test: [{ eval_time: at, alertname: monitor.prometheusAlertName(rule), exp_alerts: alerts }],
  });
  return [test('fires', firing, [expected]), ...Object.entries(quiet).map(([name, series]) => test(name, series, []))];
}

function named(labels) {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [prometheusLabel(name), value]));
}

function seriesName(metric, labels) {
  const pairs = Object.entries(named(labels)).map(([name, value]) => `${name}="${value}"`);
  return `${prometheusName(metric)}{${pairs.join(',')}}`;
}

/** A page that shows every metric, with labels that need escapes. */
function page() {
  const metrics = new Metrics();
  for (const name of METRIC_NAMES) {
    const { type, labels } = definitionOf(name);
    const values = labels.map((label) => `${label} "quoted" \\ and\nbroken`);
    if (type === 'histogram') for (const seconds of [0.00002, 0.003, 7]) metrics.observe(name, values, seconds);
    else metrics.set(name, values, 1.5);
  }
  return monitor.prometheusText(metrics);
}

/** Shows that the tests notice: with every condition turned round, none may pass. */
function refuseBrokenRules(rules, tests) {
  const broken = monitor
    .prometheusRules()
    .replace(/ > 0\b/g, ' > 1e9')
    .replace(/ >= /g, ' < ');
  writeFileSync(rules, broken);
  const { status } = promtool(['test', 'rules', ...tests]);
  if (status === 0) throw new Error('promtool passes rules that were broken on purpose');
  console.log('ok  rules that were broken on purpose fail');
}

function checked(args, input) {
  const { error, status, stdout, stderr } = promtool(args, { input });
  if (error !== undefined) throw error;
  // `check metrics` ends with 3 when it only has advice.
  if (status !== 0) throw new Error(`promtool ${args[0]} ${args[1]} ended with ${status}:\n${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}

function say(what, output) {
  const lines = output.split('\n').filter((line) => /SUCCESS/.test(line));
  console.log(`ok  promtool ${what}${lines.length === 0 ? '' : `: ${lines.map((line) => line.trim()).join(', ')}`}`);
}

function promtool(args, options = {}) {
  return run('promtool', args, { env: { ...process.env, ...tools.env }, ...options });
}
