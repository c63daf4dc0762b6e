import { channel } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { SecretBytes } from '@fieldseal/core';
import { newCanary, scanBytes } from '@fieldseal/testkit';
import { expect, test } from 'vitest';
import type { Notice } from '../src/alerts/alert.ts';
import { memoryAlertStore } from '../src/alerts/alert-store.ts';
import { grafanaDashboard } from '../src/alerts/grafana-dashboard.ts';
import { prometheusRules } from '../src/alerts/prometheus-rules.ts';
import { webhookSink } from '../src/alerts/webhook.ts';
import { METRIC_NAMES, prometheusName } from '../src/metrics/metric-table.ts';
import { prometheusText } from '../src/metrics/prometheus-text.ts';
import { startMonitor } from '../src/monitor.ts';
import { honeyCells, honeyMark } from '../src/reading/honey-cells.ts';
import { readBreaker } from '../src/reading/read-breaker.ts';
import { manualClock } from './manual-clock.ts';
import { damaged, fieldOf, sampleCipher } from './sample-cipher.ts';

const turn = () => new Promise(setImmediate);

test('from a damaged cell to a notice it takes one evaluation: ten seconds', async () => {
  const clock = manualClock(1_800_000_000_000);
  const notices: Notice[] = [];
  const monitor = startMonitor({ clock, sinks: [{ deliver: async (notice) => void notices.push(notice) }] });
  const { encrypt, decrypt } = await sampleCipher();
  const cells = encrypt(fieldOf('notes'), ...Array.from({ length: 20 }, (_, at) => `${at}`));
  for (const cell of cells) expect(() => decrypt(fieldOf('notes'), damaged(cell))).toThrow();
  clock.advanceTo(clock.now() + 10_000);
  await turn();
  await monitor.alerts.settled();
  expect(notices.map(({ rule }) => rule).sort()).toEqual([
    'anomaly-failures',
    'decrypt-failure-burst',
    'decrypt-failure-ratio',
  ]);
  expect(monitor.endpoints.answer({ method: 'GET', url: '/health/ready' })?.body).toContain('degraded');
  await monitor.stop();
});

test('it looks at the keyring by itself, and goes on when that fails', async () => {
  const clock = manualClock(Date.now());
  const { keyring } = await sampleCipher();
  let broken = false;
  const cacheStats = () => ({ scopes: 2, hits: 5, misses: 1, evictions: 0, shared: null });
  const source = { cacheStats, describe: () => (broken ? Promise.reject(new Error('no file')) : keyring.describe()) };
  const monitor = startMonitor({ clock, keyring: source });
  await expect
    .poll(() => [...monitor.metrics.series('key.versions')])
    .toMatchObject([{ labels: ['enabled'], value: 1 }]);
  await keyring.rotate();
  broken = true;
  clock.advanceTo(clock.now() + 60_000);
  await turn();
  broken = false;
  clock.advanceTo(clock.now() + 60_000);
  await expect.poll(() => [...monitor.metrics.series('key.versions')]).toMatchObject([{ value: 2 }]);
  expect([...monitor.metrics.series('cache.entries')]).toMatchObject([{ value: 2 }]);
  await monitor.stop();
  clock.advanceTo(clock.now() + 600_000);
});

test('leak: neither values, keys, cells nor clients are in a metric, an alert, a notice, a page or a body of a webhook', async () => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    bodies.push(inspect(request.headers));
    request.on('data', (chunk) => bodies.push(String(chunk)));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const value = newCanary('value');
  const principal = newCanary('principal');
  const secret = newCanary('webhooksecret');
  const honeyKey = newCanary('honeykey').padEnd(32, 'x').slice(0, 32);
  const clock = manualClock(1_800_000_000_000);
  const store = memoryAlertStore();
  const notices: Notice[] = [];
  const monitor = startMonitor({
    clock,
    store,
    sinks: [
      webhookSink({ url, secret: SecretBytes.copy(Buffer.from(secret)) }),
      { deliver: async (notice) => void notices.push(notice) },
    ],
    anomalies: { principal: () => principal },
  });
  const writer = await sampleCipher();
  const key = SecretBytes.copy(Buffer.from(honeyKey));
  const [bait] = writer.encrypt(fieldOf('notes'), value) as [string];
  const honey = honeyCells({ key, marks: { bait: honeyMark(key, bait) } });
  const { encrypt, decrypt, view } = await sampleCipher([
    honey,
    readBreaker({ principal: () => principal, failures: 15 }),
  ]);
  const cells = encrypt(fieldOf('notes'), ...Array.from({ length: 3000 }, () => value)) as string[];
  decrypt(fieldOf('notes'), ...cells);
  honey.opened?.([{ spec: fieldOf('notes'), stored: bait }]);
  for (let at = 0; at < 20; at++) expect(() => decrypt(fieldOf('notes'), damaged(cells[at] as string))).toThrow();
  channel('fieldseal:denial').publish({
    code: 'ERR_NOT_AUTHORIZED',
    actor: principal,
    model: 'Patient',
    fields: ['notes'],
    operation: 'decrypt',
    reason: 'no',
  });
  for (let at = 0; at < 3; at++) {
    clock.advanceTo(clock.now() + 10_000);
    await turn();
  }
  await monitor.alerts.settled();

  expect(notices.map(({ rule }) => rule)).toEqual(
    expect.arrayContaining(['honey-cell-opened', 'reading-stopped', 'anomaly-volume', 'decrypt-failure-burst']),
  );
  expect(bodies.length).toBeGreaterThan(8);
  const page = prometheusText(monitor.metrics);
  const shown = [
    page,
    JSON.stringify(monitor.endpoints.answer({ method: 'GET', url: '/v1/health' })),
    inspect({ notices, active: monitor.alerts.active, stored: await store.load() }, { depth: 10 }),
    inspect(monitor, { depth: 12, showHidden: true }),
    ...bodies,
  ].join('\n');
  const fieldKey = view.primary.fieldKey('Patient', 'notes').expose();
  expect(scanBytes(Buffer.from(shown), [value, principal, secret, honeyKey, ...cells.slice(0, 20), bait])).toEqual([]);
  expect(
    scanBytes(
      Buffer.from(shown),
      [view.primary.keyId, view.indexRoot.keyId].filter((id) => id.length >= 8),
    ),
  ).toEqual([]);
  for (const spelled of ['hex', 'base64', 'base64url', 'latin1'] as const)
    expect(shown.includes(Buffer.from(fieldKey).toString(spelled))).toBe(false);
  // The scan does find what is there.
  expect(scanBytes(Buffer.from(shown + value), [value])).not.toEqual([]);
  await monitor.stop();
  server.closeAllConnections();
  server.close();
});

test('every metric of a panel and of a rule exists, and every metric but those of delivery has a panel', () => {
  const known = new Set(METRIC_NAMES.map(prometheusName));
  const text = JSON.stringify(grafanaDashboard());
  const used = (of: string) =>
    new Set([...of.matchAll(/fieldseal_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, '')));
  for (const name of [...used(text), ...used(prometheusRules())]) expect([name, known.has(name)]).toEqual([name, true]);
  const unseen = METRIC_NAMES.filter((name) => !used(text).has(prometheusName(name)));
  expect(unseen).toEqual([
    'key.wear',
    'cache.entries',
    'cache.evictions',
    'kek.duration',
    'backup.failures',
    'backup.size',
    'backup.drill_duration',
    'alerts.deliveries',
  ]);
});

test('panels do not overlap, and each has an expression', () => {
  const { panels } = grafanaDashboard() as {
    panels: { gridPos: { x: number; y: number }; targets: { expr: string }[] }[];
  };
  const places = panels.map(({ gridPos }) => `${gridPos.x} ${gridPos.y}`);
  expect(new Set(places).size).toBe(panels.length);
  for (const { targets } of panels) for (const { expr } of targets) expect(expr).not.toMatch(/%|by \(\)/);
});

test('rules name runbooks under the address that is given', () => {
  expect(prometheusRules(undefined, 'https://wiki.example/rb')).toContain(
    'runbook_url: "https://wiki.example/rb/honey-cell-opened.md"',
  );
});
