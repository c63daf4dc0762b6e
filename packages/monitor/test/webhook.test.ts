import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SecretBytes } from '@fieldseal/core';
import { afterEach, expect, test } from 'vitest';
import type { Notice } from '../src/alerts/alert.ts';
import { signature, type WebhookOptions, webhookSink } from '../src/alerts/webhook.ts';
import { systemClock } from '../src/clock.ts';

const SECRET = SecretBytes.copy(Buffer.from('sixteen bytes or more'));
const NOTICE: Notice = {
  id: '6a1f3cf0-0f35-4fd6-9a57-6a3b6c0e3b11',
  key: 'honey-cell-opened',
  rule: 'honey-cell-opened',
  severity: 'critical',
  state: 'firing',
  summary: 'A honey cell was opened.',
  labels: {},
  value: 1,
  since: '2026-01-01T00:00:00.000Z',
  runbook: 'docs/runbooks/honey-cell-opened.md',
};

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A receiver that answers with these statuses in turn, the last of them for good; 0 hangs, -1 resets. */
async function receiver(...statuses: number[]): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      const status = statuses[Math.min(received.length, statuses.length) - 1] ?? 200;
      if (status === -1) request.socket.resetAndDestroy();
      else if (status !== 0)
        response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('a long answer');
    });
  };
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/token-in-the-path`, received };
}

/** Waits for nothing; notes what it would have waited. */
function sink(url: string, options: Partial<WebhookOptions> = {}): { deliver: () => Promise<void>; waits: number[] } {
  const waits: number[] = [];
  const clock = { ...systemClock, sleep: async (ms: number) => void waits.push(ms) };
  const { deliver } = webhookSink({ url, secret: SECRET, clock, ...options });
  return { deliver: () => deliver(NOTICE), waits };
}

test('a notice arrives as JSON, with a signature that its receiver can compute', async () => {
  const { url, received } = await receiver(204);
  await sink(url).deliver();
  const [{ headers, body }] = received as [Received];
  expect(JSON.parse(body)).toEqual(NOTICE);
  expect(headers['content-type']).toBe('application/json');
  expect(headers['fieldseal-notice']).toBe(NOTICE.id);
  const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['fieldseal-signature'])) ?? [];
  expect(mac).toBe(createHmac('sha256', 'sixteen bytes or more').update(`${time}.${body}`).digest('hex'));
  expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(60);
});

test('a signature changes with every byte of the body, and with the time', () => {
  const first = signature(SECRET, '{"a":1}', 5);
  expect(signature(SECRET, '{"a":2}', 5)).not.toBe(first);
  expect(signature(SECRET, '{"a":1}', 6).slice(4)).not.toBe(first.slice(4));
});

test.each([500, 503, 429, 408, -1])('%i is tried again, with longer and longer waits', async (status) => {
  const { url, received } = await receiver(status, status, status, 200);
  const { deliver, waits } = sink(url);
  await deliver();
  expect(received).toHaveLength(4);
  expect(new Set(received.map(({ body }) => body)).size).toBe(1);
  for (const [at, wait] of waits.entries()) {
    expect(wait).toBeGreaterThanOrEqual(750 * 2 ** at);
    expect(wait).toBeLessThanOrEqual(1250 * 2 ** at);
  }
});

test('a receiver that hangs is left after the timeout', async () => {
  const { url, received } = await receiver(0, 200);
  await sink(url, { timeoutMs: 1500 }).deliver(); // the second try is not to time out on a slow machine
  expect(received).toHaveLength(2);
});

test.each([400, 401, 404, 302])('%i is given up at once, and no redirect is followed', async (status) => {
  const { url, received } = await receiver(status, 200);
  await expect(sink(url).deliver()).rejects.toThrow('the notice could not be delivered');
  expect(received).toHaveLength(1);
});

test('it gives up after its tries, and says neither where to nor what was answered', async () => {
  const { url, received } = await receiver(500);
  const error: Error = await sink(url, { attempts: 3 })
    .deliver()
    .then(() => new Error('delivered'))
    .catch((thrown: Error) => thrown);
  expect(received).toHaveLength(3);
  expect(`${error.stack}`).not.toContain('token-in-the-path');
  expect(`${error.message}`).not.toMatch(/127\.0\.0\.1|long answer/);
});

test.each([
  ['no URL', 'nowhere'],
  ['http to another machine', 'http://hooks.example/x'],
  ['another protocol', 'ftp://hooks.example/x'],
  ['a password', 'https://user:password@hooks.example/x'],
])('an address with %s is refused', (_, url) => {
  expect(() => webhookSink({ url, secret: SECRET })).toThrow('ERR_OPTIONS');
});

test('a short secret is refused', () => {
  expect(() => webhookSink({ url: 'https://hooks.example', secret: SecretBytes.random(15) })).toThrow('ERR_OPTIONS');
});
