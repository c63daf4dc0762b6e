import { createHash, timingSafeEqual } from 'node:crypto';
import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import { Hono } from 'hono';
import type { DashboardSource } from './dashboard-source.ts';
import { dashboardView } from './dashboard-view.ts';
import { History } from './history.ts';
import { readPage } from './page.ts';

/** Options of {@link dashboardApp}. */
export interface DashboardOptions {
  readonly source: DashboardSource;
  /** Bearer token that the page asks for, 16 characters at least. */
  readonly token: string;
}

/** A dashboard without a server: something that answers requests, and something to be called every few seconds. */
export interface DashboardApp {
  /** Answers a request; for any server that speaks Request and Response. */
  fetch(request: Request): Response | Promise<Response>;
  /** Asks the source and remembers what it says. It never rejects: a source that fails is shown as that. */
  sample(): Promise<void>;
}

/** Longest body of an acknowledgement, in bytes. */
const LONGEST_BODY = 8192;

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * The dashboard. The page itself holds nothing and is open; what it shows is at `/api/view`, which asks for the token, as does the only thing that
 * it can do: `POST /api/acknowledge`.
 *
 * @throws ERR_OPTIONS for a short token
 */
export function dashboardApp({ source, token }: DashboardOptions): DashboardApp {
  if (token.length < 16)
    throw new FieldsealError('ERR_OPTIONS', 'the token of the dashboard has 16 characters at least');
  const expected = sha256(`Bearer ${token}`);
  const page = readPage();
  const history = new History();
  let stale = false;
  const sample = async (): Promise<void> => {
    try {
      history.add(await source.status());
      stale = false;
    } catch {
      stale = true;
    }
  };
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) context.res.headers.set(name, value);
  });
  app.get('/', (context) => context.html(page.html, 200, { 'content-security-policy': page.policy }));
  app.use('/api/*', async (context, next) => {
    // Digests have one length, and comparing them tells nothing of the token.
    const given = sha256(context.req.header('authorization') ?? '');
    if (timingSafeEqual(given, expected)) return next();
    return context.json({ error: 'the token is missing or wrong' }, 401, { 'www-authenticate': 'Bearer' });
  });
  app.get('/api/view', async (context) => {
    if (history.last === null) await sample();
    if (history.last === null) return context.json({ error: 'the monitor cannot be reached' }, 503);
    return context.json(dashboardView(history.last, history, stale));
  });
  app.post('/api/acknowledge', async (context) => {
    const body = await bodyOf(context.req.raw);
    if (body === null) return context.json({ error: 'the request holds no acknowledgement' }, 400);
    try {
      await source.acknowledge(body.key, body.owner, body.comment, body.forMs);
    } catch (error) {
      if (!isFieldsealError(error)) return context.json({ error: 'the monitor cannot be reached' }, 503);
      return context.json({ error: `${error.summary}. ${error.hint}` }, 400);
    }
    await sample();
    return context.body(null, 204);
  });
  return { fetch: (request) => app.fetch(request), sample };
}

interface Acknowledgement {
  readonly key: string;
  readonly owner: string;
  readonly comment: string;
  readonly forMs: number;
}

async function bodyOf(request: Request): Promise<Acknowledgement | null> {
  try {
    if (Number(request.headers.get('content-length') ?? Number.NaN) > LONGEST_BODY) return null;
    const text = await request.text();
    if (text.length > LONGEST_BODY) return null;
    const { key, owner, comment = '', forMs } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const typed = typeof key === 'string' && typeof owner === 'string' && typeof comment === 'string';
    return typed && typeof forMs === 'number' ? { key, owner, comment, forMs } : null;
  } catch {
    return null;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
