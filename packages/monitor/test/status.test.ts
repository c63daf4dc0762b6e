import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACKNOWLEDGEMENT_HEADER } from '../src/health/endpoints.ts';
import { honoHandler, nodeHandler } from '../src/health/handlers.ts';
import { type Monitor, startMonitor } from '../src/monitor.ts';
import { memorySink, openLog } from './audit-sample.ts';
import { manualClock } from './manual-clock.ts';
import { damaged, fieldOf, sampleCipher } from './sample-cipher.ts';

const TOKEN = 'a token of some length';
const clock = manualClock(1_800_000_000_000);
let monitor: Monitor;
let open: Monitor;
const log = await openLog({ sinks: [memorySink('file')] });

beforeAll(async () => {
  const jobs = () => [{ kind: 're-encrypt', model: 'Patient', state: 'running', done: 5, total: 10 }] as const;
  monitor = startMonitor({ clock, endpoints: { token: TOKEN }, audit: () => log, jobs });
  open = startMonitor({ clock });
  const { encrypt, decrypt } = await sampleCipher();
  for (const cell of encrypt(fieldOf('notes'), ...Array.from({ length: 10 }, () => 'a')))
    expect(() => decrypt(fieldOf('notes'), damaged(cell))).toThrow();
  await log.append({ actor: 'ada', action: 'patient.export', object: 'Patient', outcome: 'done' });
  clock.advanceTo(clock.now() + 10_000);
  while (monitor.alerts.firing('critical') === 0) await new Promise(setImmediate);
});
afterAll(async () => {
  await monitor.stop();
  await open.stop();
});

const authorization = `Bearer ${TOKEN}`;
const header = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const KEY = 'decrypt-failure-burst';

test('the status has everything, and is for who has the token', () => {
  const ask = (headers: { authorization?: string }) =>
    monitor.endpoints.answer({ method: 'GET', url: '/v1/status', ...headers });
  expect(ask({})?.status).toBe(401);
  expect(ask({ authorization: 'Bearer wrong' })?.status).toBe(401);
  const report = JSON.parse(ask({ authorization })?.body ?? '');
  expect(report).toEqual(JSON.parse(JSON.stringify(monitor.status())));
  expect(report).toMatchObject({
    health: { state: 'degraded' },
    jobs: [{ done: 5, total: 10 }],
    audit: { size: 1, recent: [{ seq: 0, action: 'patient.export', actor: expect.stringMatching(/^[0-9a-f]{32}$/) }] },
  });
  expect(report.audit.recent[0]).not.toHaveProperty('prev');
  expect(report.alerts).toContainEqual(
    expect.objectContaining({
      key: KEY,
      runbook: `docs/runbooks/${KEY}.md`,
      summary: expect.stringMatching(/authentication/),
    }),
  );
  const failures = report.metrics.failures.find(({ labels }: { labels: object }) => 'error.type' in labels);
  expect(failures).toBeDefined();
});

test('without a token there is neither a status nor an acknowledgement', async () => {
  expect(open.endpoints.answer({ method: 'GET', url: '/v1/status' })?.status).toBe(403);
  const acknowledgement = header({ key: KEY, owner: 'ada', forMs: 1000 });
  expect((await open.endpoints.act({ method: 'POST', url: '/v1/acknowledge', acknowledgement }))?.status).toBe(403);
});

describe('an acknowledgement', () => {
  const act = (value: string | undefined, given = authorization, method = 'POST') =>
    monitor.endpoints.act({ method, url: '/v1/acknowledge', authorization: given, acknowledgement: value });

  test.each<[string, string | undefined]>([
    ['nothing', undefined],
    ['no JSON', 'AAAA'],
    ['null', header(null)],
    ['no owner', header({ key: KEY, forMs: 1000 })],
    ['an empty owner', header({ key: KEY, owner: ' ', forMs: 1000 })],
    ['a time that is too long', header({ key: KEY, owner: 'ada', forMs: 1e12 })],
    ['a time that is no number', header({ key: KEY, owner: 'ada', forMs: '1000' })],
    ['an unknown alert', header({ key: 'backup-stale', owner: 'ada', forMs: 1000 })],
  ])('of %s is refused', async (_, value) => {
    expect((await act(value))?.status).toBe(400);
  });

  test('needs the token, and POST', async () => {
    const value = header({ key: KEY, owner: 'ada', forMs: 60_000 });
    expect((await act(value, 'Bearer wrong'))?.status).toBe(401);
    expect((await act(value, authorization, 'GET'))?.status).toBe(405);
    expect(monitor.alerts.active.find(({ key }) => key === KEY)?.acknowledgement).toBeNull();
    expect(monitor.endpoints.act({ method: 'POST', url: '/v1/status', authorization })).toBeNull();
  });

  test('reaches the alert over node:http and over Hono', async () => {
    const server = createServer(nodeHandler(monitor.endpoints));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/acknowledge`;
    const headers = {
      authorization,
      [ACKNOWLEDGEMENT_HEADER]: header({ key: KEY, owner: 'ada', comment: 'é', forMs: 60_000 }),
    };
    expect((await fetch(url, { method: 'POST', headers })).status).toBe(204);
    expect(monitor.alerts.active.find(({ key }) => key === KEY)?.acknowledgement).toMatchObject({
      owner: 'ada',
      comment: 'é',
    });
    server.close();
    const app = new Hono();
    app.use(honoHandler(monitor.endpoints));
    const again = { ...headers, [ACKNOWLEDGEMENT_HEADER]: header({ key: KEY, owner: 'eve', forMs: 60_000 }) };
    expect((await app.request('/v1/acknowledge', { method: 'POST', headers: again })).status).toBe(204);
    expect(monitor.alerts.active.find(({ key }) => key === KEY)?.acknowledgement?.owner).toBe('eve');
  });
});
