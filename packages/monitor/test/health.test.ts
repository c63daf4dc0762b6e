import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';
import { type EndpointOptions, Endpoints } from '../src/health/endpoints.ts';
import { honoHandler, nodeHandler } from '../src/health/handlers.ts';
import { Health, type HealthCheck, type HealthState } from '../src/health/health.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import { manualClock } from './manual-clock.ts';

const TOKEN = 'a token of some length';
const turn = () => new Promise(setImmediate);

interface Setting {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly endpoints: Endpoints;
  readonly clock: ReturnType<typeof manualClock>;
  get(path: string, options?: { method?: string; authorization?: string }): { status: number; body: unknown };
}

function setting(
  options: { open?: number | null; alerts?: number; checks?: HealthCheck[] } & EndpointOptions = {},
): Setting {
  const { open = 1, alerts = 0, checks = [], ...rest } = options;
  const metrics = new Metrics();
  if (open !== null) metrics.set('seal.state', [], open);
  const clock = manualClock();
  const health = new Health(metrics, () => alerts, checks, clock);
  const endpoints = new Endpoints(health, metrics, rest);
  return {
    metrics,
    health,
    endpoints,
    clock,
    get: (url, { method = 'GET', authorization } = {}) => {
      const answer = endpoints.answer({ method, url, authorization });
      const body = answer === null || answer.body === '' ? '' : answer.body;
      return { status: answer?.status ?? 0, body: body.startsWith('{') ? JSON.parse(body) : body };
    },
  };
}

describe('the state', () => {
  test.each<[string, Parameters<typeof setting>[0], HealthState, number]>([
    ['all is well', {}, 'ok', 200],
    ['there is no keyring', { open: null }, 'missing', 501],
    ['the keyring is closed', { open: 0 }, 'sealed', 503],
    ['a critical alert fires', { alerts: 2 }, 'degraded', 200],
    ['worse than an alert is a closed keyring', { open: 0, alerts: 2 }, 'sealed', 503],
  ])('when %s', (_, options, state, status) => {
    const { get } = setting(options);
    expect(get('/health/ready')).toEqual({
      status,
      body: { state, ...(state === 'degraded' && { degraded: true }) },
    });
    expect(get('/v1/health')).toMatchObject({ status, body: { state } });
    expect(get('/health/live')).toEqual({ status: 200, body: { state: 'ok' } });
  });

  test('a breaker that is open degrades, with its name', () => {
    const { metrics, get } = setting();
    metrics.set('breaker.state', ['redis'], 2);
    expect(get('/v1/health').body).toMatchObject({
      state: 'degraded',
      components: expect.arrayContaining([{ name: 'breaker redis', state: 'degraded', reason: 'open' }]),
    });
    metrics.set('breaker.state', ['redis'], 1);
    expect(get('/v1/health').body).toMatchObject({ state: 'ok' });
  });
});

describe('checks in the background', () => {
  const states = ({ health }: Setting) =>
    Object.fromEntries(
      health.report().components.map(({ name, state, reason }) => [name, `${state} ${reason}`.trim()]),
    );

  test('are shown as they end', async () => {
    const secret = 'postgres://user:password@host';
    const failing = () => Promise.reject(new Error(secret));
    const checks: HealthCheck[] = [
      { name: 'fine', run: async () => true },
      { name: 'wrong', run: async () => false, otherwise: 'failed' },
      { name: 'failing', run: failing },
      {
        name: 'throwing',
        run: () => {
          throw new Error(secret);
        },
      },
    ];
    const one = setting({ checks });
    expect(states(one)['fine']).toBe('degraded not checked yet');
    await turn();
    expect(states(one)).toMatchObject({
      fine: 'ok',
      wrong: 'failed something is wrong',
      failing: 'degraded the check failed',
      throwing: 'degraded the check failed',
    });
    expect(one.get('/health/ready').status).toBe(503);
    expect(JSON.stringify(one.health.report())).not.toContain('password');
  });

  test('that hang are left after their time, aborted, and not asked again meanwhile', async () => {
    let asked = 0;
    let aborted = 0;
    let release: (fine: boolean) => void = () => undefined;
    const run = (signal: AbortSignal) => {
      asked++;
      signal.addEventListener('abort', () => aborted++);
      return new Promise<boolean>((resolve) => {
        release = resolve;
      });
    };
    const one = setting({ checks: [{ name: 'database', run }] });
    for (let at = 1; at <= 5; at++) {
      one.clock.advanceTo(at * 10_000);
      await turn();
    }
    expect([asked, aborted, states(one)['database']]).toEqual([1, 1, 'degraded no answer']);
    // Nothing that hangs is waited for: the answer is there when the call returns.
    expect(one.get('/health/ready')).toEqual({ status: 200, body: { state: 'degraded', degraded: true } });
    release(true);
    await turn();
    expect(states(one)['database']).toBe('ok');
    one.clock.advanceTo(60_000);
    await turn();
    expect(asked).toBe(2);
    one.health.stop();
    one.clock.advanceTo(600_000);
    await turn();
    expect(asked).toBe(2);
  });
});

describe('the endpoints', () => {
  test.each([
    ['/health/ready?degradedcode=429', 429],
    ['/health/ready?degradedcode=200&sealedcode=500', 200],
    ['/health/ready?okcode=299', 200],
    ['/health/ready?degradedcode=99', 200],
    ['/health/ready?degradedcode=4e2', 400],
    ['/health/ready?degradedcode=abc', 200],
    ['/health/ready?degradedcode=', 200],
  ])('%s of a degraded service is %i', (path, status) => {
    expect(setting({ alerts: 1 }).get(path).status).toBe(status);
  });

  test('codes may be chosen for good', () => {
    expect(setting({ open: null, codes: { missing: 503 } }).get('/health/ready').status).toBe(503);
    expect(() => setting({ codes: { ok: 100 } })).toThrow('ERR_OPTIONS');
    expect(() => setting({ codes: { ok: 200.5 } })).toThrow('ERR_OPTIONS');
  });

  test('HEAD has the status and the headers of GET, and no body', () => {
    const { endpoints } = setting();
    for (const url of ['/health/live', '/health/ready', '/v1/health', '/metrics']) {
      const get = endpoints.answer({ method: 'GET', url });
      expect(endpoints.answer({ method: 'HEAD', url })).toEqual({ ...get, body: '' });
      expect(get?.headers).toMatchObject({ 'cache-control': 'no-store' });
    }
  });

  test.each(['POST', 'PUT', 'DELETE', 'get'])('%s is not allowed', (method) => {
    expect(setting().get('/metrics', { method }).status).toBe(405);
  });

  test.each(['/', '/health', '/health/live/', '//metrics', '/METRICS', 'http://[', '/v1/health/../metrics/x'])(
    '%s is none of them',
    (path) => {
      expect(setting().get(path).status).toBe(0);
    },
  );

  test('the token opens metrics and detailed health, and nothing like it does', () => {
    const { get } = setting({ token: TOKEN });
    for (const path of ['/metrics', '/v1/health']) {
      expect(get(path, { authorization: `Bearer ${TOKEN}` }).status).toBe(200);
      for (const authorization of [
        '',
        'Bearer',
        `Bearer ${TOKEN} `,
        `bearer ${TOKEN}`,
        TOKEN,
        `Bearer ${TOKEN.slice(1)}`,
      ])
        expect([path, authorization, get(path, { authorization })]).toEqual([
          path,
          authorization,
          { status: 401, body: '' },
        ]);
      expect(get(path)).toEqual({ status: 401, body: '' });
    }
    expect(get('/health/live').status).toBe(200);
    expect(get('/health/ready').status).toBe(200);
    expect(() => setting({ token: 'short' })).toThrow('ERR_OPTIONS');
  });
});

describe('handlers', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });
  async function listen(server: Server): Promise<string> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const authorization = `Bearer ${TOKEN}`;

  test('of node:http serve, while every check hangs', async () => {
    const { endpoints } = setting({
      token: TOKEN,
      checks: [{ name: 'database', run: () => new Promise(() => undefined) }],
    });
    const url = await listen(createServer(nodeHandler(endpoints)));
    const ready = await fetch(`${url}/health/ready?degradedcode=429`);
    expect([ready.status, await ready.json()]).toEqual([429, { state: 'degraded', degraded: true }]);
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    const page = await fetch(`${url}/metrics`, { headers: { authorization } });
    expect(page.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await page.text()).toContain('fieldseal_seal_state 1');
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
    const head = await fetch(`${url}/v1/health`, { method: 'HEAD', headers: { authorization } });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('as middleware leave other paths to the next', async () => {
    const handle = nodeHandler(setting().endpoints);
    const url = await listen(
      createServer((request, response) => handle(request, response, () => response.end('next'))),
    );
    expect(await (await fetch(`${url}/orders`)).text()).toBe('next');
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });

  test('of Hono serve, and leave other paths to the next', async () => {
    const app = new Hono();
    app.use(honoHandler(setting({ open: 0, token: TOKEN }).endpoints));
    app.get('/orders', (context) => context.text('orders'));
    expect((await app.request('/health/ready')).status).toBe(503);
    expect(await (await app.request('/v1/health', { headers: { authorization } })).json()).toMatchObject({
      state: 'sealed',
    });
    expect((await app.request('/v1/health')).status).toBe(401);
    expect((await app.request('/health/live', { method: 'HEAD' })).status).toBe(200);
    expect(await (await app.request('/orders')).text()).toBe('orders');
    expect((await app.request('/nothing')).status).toBe(404);
  });
});
