import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createKeyring,
  FieldCipher,
  type FieldSpec,
  FieldsealError,
  generateRawKey,
  keyringMemory,
  rawKey,
} from '@fieldseal/core';
import { nodeHandler, type StatusReport, startMonitor } from '@fieldseal/monitor';
import { newCanary, scanBytes } from '@fieldseal/testkit';
import { afterAll, describe, expect, test } from 'vitest';
import { dashboardApp } from '../src/dashboard-app.ts';
import { type DashboardSource, localSource, remoteSource } from '../src/dashboard-source.ts';
import { type DashboardView, dashboardView } from '../src/dashboard-view.ts';
import { History } from '../src/history.ts';
import { readPage } from '../src/page.ts';
import { serveDashboard } from '../src/serve.ts';

const TOKEN = 'a token of some length';
const authorization = `Bearer ${TOKEN}`;
const ends: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const NOTES: FieldSpec = {
  model: 'Patient',
  field: 'notes',
  context: { model: 'Patient', field: 'notes' },
  column: 'String',
  type: 'String',
  pad: null,
};

/** A report with these series, by metric: labels joined by commas, and a value. */
function report(
  time: number,
  metrics: Record<string, [labels: Record<string, string>, value: number][]>,
  more: Partial<StatusReport> = {},
): StatusReport {
  const series = Object.entries(metrics).map(([name, all]) => [
    name,
    all.map(([labels, value]) => ({ labels, value, histogram: null })),
  ]);
  return {
    time,
    health: { state: 'ok', components: [] },
    metrics: Object.fromEntries(series),
    alerts: [],
    jobs: [],
    audit: null,
    ...more,
  };
}

const job = { kind: 're-encrypt', model: 'Patient' };
const rows = (count: number) =>
  ({ 'job.rows': [[job, count]], 'job.running': [[job, 1]] }) as Parameters<typeof report>[1];

describe('what is shown', () => {
  test('a job has its pace, and the time until it is done where the number of its rows is known', () => {
    const history = new History();
    const jobs = [{ ...job, state: 'running', done: 1500, total: 10_000 }] as const;
    for (let at = 0; at < 4; at++) history.add(report(at * 5000, rows(at * 500), { jobs }));
    const last = history.last as StatusReport;
    expect(dashboardView(last, history, false).jobs).toEqual([
      {
        ...job,
        state: 'running',
        done: 1500,
        total: 10_000,
        perSecond: 100,
        etaSeconds: 85,
        conflicts: 0,
        quarantined: 0,
      },
    ]);
    expect(dashboardView({ ...last, jobs: [] }, history, false).jobs).toMatchObject([
      { done: 1500, total: null, etaSeconds: null },
    ]);
    const paused = { ...last, jobs: [{ ...jobs[0], state: 'paused' as const }] };
    expect(dashboardView(paused, history, false).jobs).toMatchObject([
      { state: 'paused', perSecond: null, etaSeconds: null },
    ]);
  });

  test('rates are differences, and a process that was started anew makes none', () => {
    const history = new History();
    const operations = (count: number) =>
      ({ operations: [[{ operation: 'decrypt', model: 'P', field: 'f' }, count]] }) as Parameters<typeof report>[1];
    for (const [at, count] of [0, 50, 100, 10, 20].entries()) history.add(report(at * 5000, operations(count)));
    expect(history.samples.map(({ decrypt }) => decrypt)).toEqual([10, 10, null, 2]);
    history.add(report(20_000, operations(20)));
    expect(history.samples).toHaveLength(4);
    expect(dashboardView(history.last as StatusReport, history, true)).toMatchObject({
      stale: true,
      fields: [{ model: 'P', field: 'f', decrypted: 20 }],
      charts: { decrypt: [10, 10, null, 2], time: [5, 10, 15, 20] },
    });
  });

  test('the history is bounded', () => {
    const history = new History();
    for (let at = 0; at < 1000; at++) history.add(report(at * 5000, {}));
    expect(history.samples).toHaveLength(360);
  });

  test('latencies are those of the time between two reports, not since the start', () => {
    const history = new History();
    const duration = (cumulative: number[]): StatusReport => ({
      ...report(cumulative[2] as number, {}),
      metrics: { 'operation.duration': [{ labels: {}, value: 0, histogram: { bounds: [0.001, 0.01], cumulative } }] },
    });
    history.add(duration([1000, 1000, 1000]));
    history.add(duration([1000, 1100, 1100]));
    history.add(duration([1000, 1100, 1200]));
    history.add(duration([1000, 1100, 1200]));
    expect(history.samples.map(({ p50 }) => p50)).toEqual([expect.closeTo(5.5), 10]);
  });

  test('alerts that nobody has taken on stand first, the worst before', () => {
    const alert = (key: string, severity: 'critical' | 'warning', state: 'firing' | 'pending', owner?: string) => ({
      key,
      rule: key,
      severity,
      state,
      labels: {},
      value: 1,
      since: 0,
      noticed: null,
      told: false,
      summary: '',
      runbook: '',
      acknowledgement: owner === undefined ? null : { owner, comment: '', given: 0, until: 1 },
    });
    const alerts = [
      alert('d', 'critical', 'firing', 'ada'),
      alert('b', 'warning', 'firing'),
      alert('c', 'critical', 'pending'),
      alert('a', 'critical', 'firing'),
    ];
    const history = new History();
    expect(dashboardView(report(0, {}, { alerts }), history, false).alerts.map(({ key }) => key)).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
  });
});

describe('the page', () => {
  const { html, policy } = readPage();

  test('loads nothing, and its policy allows what stands in it and no more', () => {
    expect(html).not.toMatch(/(src|href)="(?!#|data:,)/);
    expect(html).not.toMatch(/ on[a-z]+="| style="/);
    for (const tag of ['style', 'script']) {
      const inside = [...html.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))].map(([, text = '']) => text);
      expect(inside).toHaveLength(2);
      for (const text of inside)
        expect(policy).toContain(`'sha256-${createHash('sha256').update(text).digest('base64')}'`);
    }
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(policy.match(/sha256-/g)).toHaveLength(4);
    expect(html).toContain('uPlot');
  });

  test('has the placeholders filled, and no other script of ours writes HTML', () => {
    expect(html).not.toContain('<!-- s');
    const own = html.slice(html.lastIndexOf('<script>'));
    expect(own).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|^(import|export) /m);
  });
});

/** A source that can be told to fail. */
function source(): DashboardSource & { broken: boolean; readonly given: unknown[] } {
  const given: unknown[] = [];
  return {
    broken: false,
    given,
    async status() {
      if (this.broken) throw new Error('away');
      return report(1000, {});
    },
    async acknowledge(...all) {
      if (this.broken) throw new Error('away');
      if (all[0] !== 'known') throw new FieldsealError('ERR_OPTIONS', 'no alert of this key fires');
      given.push(all);
    },
  };
}

describe('the server', () => {
  const ask = (app: ReturnType<typeof dashboardApp>, path: string, init: RequestInit = {}) =>
    app.fetch(new Request(`http://127.0.0.1${path}`, init));
  const post = (body: unknown, headers: Record<string, string> = { authorization }): RequestInit => ({
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

  test.each<[string, RequestInit]>([
    ['no token', {}],
    ['another token', { headers: { authorization: 'Bearer another token of length' } }],
    ['the token without Bearer', { headers: { authorization: TOKEN } }],
    ['the token as a cookie', { headers: { cookie: `token=${TOKEN}` } }],
  ])('shows and does nothing for %s', async (_, init) => {
    const from = source();
    const app = dashboardApp({ source: from, token: TOKEN });
    expect((await ask(app, '/api/view', init)).status).toBe(401);
    expect((await ask(app, `/api/view?token=${TOKEN}`, init)).status).toBe(401);
    const body = JSON.stringify({ key: 'known', owner: 'ada', forMs: 1000 });
    expect((await ask(app, '/api/acknowledge', { ...init, method: 'POST', body })).status).toBe(401);
    expect(from.given).toEqual([]);
  });

  test('every answer forbids to be kept, framed as another type, or told to others', async () => {
    const app = dashboardApp({ source: source(), token: TOKEN });
    for (const path of ['/', '/api/view', '/nothing']) {
      const { headers } = await ask(app, path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
    expect((await ask(app, '/')).headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  test('it is read only but for acknowledgements', async () => {
    const app = dashboardApp({ source: source(), token: TOKEN });
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      for (const path of ['/', '/api/view'])
        expect((await ask(app, path, { method, headers: { authorization } })).status).toBe(404);
    expect((await ask(app, '/api/acknowledge', { headers: { authorization } })).status).toBe(404);
  });

  test('an acknowledgement goes to the source', async () => {
    const from = source();
    const app = dashboardApp({ source: from, token: TOKEN });
    const body = { key: 'known', owner: 'ada', comment: 'looking', forMs: 1000 };
    expect((await ask(app, '/api/acknowledge', post(body))).status).toBe(204);
    expect(from.given).toEqual([['known', 'ada', 'looking', 1000]]);
    from.broken = true;
    expect((await ask(app, '/api/acknowledge', post(body))).status).toBe(503);
  });

  test.each<[string, unknown]>([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', null],
    ['no owner', { key: 'known', forMs: 1 }],
    ['a time that is no number', { key: 'known', owner: 'ada', forMs: '1' }],
    ['an unknown alert', { key: 'other', owner: 'ada', forMs: 1 }],
    ['too much', { key: 'known', owner: 'ada', comment: 'x'.repeat(9000), forMs: 1 }],
  ])('an acknowledgement of %s is refused', async (_, body) => {
    const from = source();
    expect((await ask(dashboardApp({ source: from, token: TOKEN }), '/api/acknowledge', post(body))).status).toBe(400);
    expect(from.given).toEqual([]);
  });

  test('a source that goes away is shown as that', async () => {
    const from = source();
    const app = dashboardApp({ source: from, token: TOKEN });
    const view = async () =>
      (await ask(app, '/api/view', { headers: { authorization } })).json() as Promise<DashboardView>;
    from.broken = true;
    expect((await ask(app, '/api/view', { headers: { authorization } })).status).toBe(503);
    from.broken = false;
    expect(await view()).toMatchObject({ stale: false, state: 'ok' });
    from.broken = true;
    await app.sample();
    expect(await view()).toMatchObject({ stale: true });
  });

  test('a short token is refused, and one is made where none is given', async () => {
    expect(() => dashboardApp({ source: source(), token: 'short' })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTIONS' }),
    );
    const one = await serveDashboard({ source: source(), port: 0 });
    ends.push(() => one.close());
    expect(one.token).toMatch(/^[\w-]{32}$/);
    expect(one.signInUrl).toBe(`${one.url}/#token=${one.token}`);
    expect((await fetch(`${one.url}/api/view`, { headers: { authorization: `Bearer ${one.token}` } })).status).toBe(
      200,
    );
    await expect(serveDashboard({ source: source(), port: Number(new URL(one.url).port) })).rejects.toThrow(
      /EADDRINUSE/,
    );
  });
});

test.each(['http://monitor.example', 'https://user:password@monitor.example', 'ftp://127.0.0.1', 'monitor', ''])(
  'the token is not sent to %j',
  (url) => {
    expect(() => remoteSource({ url, token: TOKEN })).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  },
);

test('leak: a dashboard of another process shows no value, cell or key', async () => {
  const value = newCanary('value');
  const monitor = startMonitor({ endpoints: { token: TOKEN } });
  ends.push(() => monitor.stop());
  const { keyring } = await createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] });
  const view = await keyring.resolve('');
  const cipher = new FieldCipher();
  const [cell] = cipher.encrypt(view, [{ spec: NOTES, value, binding: null }]) as [string];
  cipher.read(view, [{ spec: NOTES, stored: cell, binding: null }]);
  expect(() => cipher.read(view, [{ spec: NOTES, stored: `${cell.slice(0, -9)}AAAAAAAAA`, binding: null }])).toThrow();
  const app = createServer(nodeHandler(monitor.endpoints));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  ends.push(() => app.close());
  const url = `http://127.0.0.1:${(app.address() as AddressInfo).port}/`;
  const dashboard = await serveDashboard({ source: remoteSource({ url, token: TOKEN }), token: TOKEN, port: 0 });
  ends.push(() => dashboard.close());
  const answers = await Promise.all(
    ['/', '/api/view'].map(async (path) => (await fetch(dashboard.url + path, { headers: { authorization } })).text()),
  );
  const shown = answers.join('\n');
  expect(shown).toContain('"field":"notes"');
  expect(scanBytes(Buffer.from(shown), [value, cell])).toEqual([]);
  const key = Buffer.from(view.primary.fieldKey('Patient', 'notes').expose());
  for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const)
    expect(shown.includes(key.toString(form))).toBe(false);
  expect(shown).not.toContain(TOKEN);
  await expect(remoteSource({ url, token: 'another token of length' }).status()).rejects.toThrow('401');
  expect(await localSource(monitor).status()).toMatchObject({ health: { state: 'ok' } });
});
