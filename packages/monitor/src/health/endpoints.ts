import { createHash, timingSafeEqual } from 'node:crypto';
import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import type { MetricSource } from '../metrics/metrics.ts';
import { PROMETHEUS_TYPE, prometheusText } from '../metrics/prometheus-text.ts';
import type { StatusReport } from '../status/status-report.ts';
import { HEALTH_CODES, type Health, type HealthCodes, type HealthReport, type HealthState } from './health.ts';

/** What is asked. */
export interface EndpointRequest {
  readonly method: string;
  /** Path with the query, or the whole address. */
  readonly url: string;
  /** The Authorization header. */
  readonly authorization?: string | undefined;
  /** The header {@link ACKNOWLEDGEMENT_HEADER}. */
  readonly acknowledgement?: string | undefined;
}

/**
 * Header of `POST /v1/acknowledge`: base64url of `{"key","owner","comment","forMs"}` as JSON. A header, since no access log holds it, no parser of
 * bodies takes it away, and no page of another origin can send it.
 */
export const ACKNOWLEDGEMENT_HEADER = 'fieldseal-acknowledgement';

/** What is answered. */
export interface EndpointResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Options of {@link Endpoints}. */
export interface EndpointOptions {
  /** Status by state; those that are left out are {@link HEALTH_CODES}. */
  readonly codes?: Partial<HealthCodes>;
  /**
   * Bearer token that `/metrics` and `/v1/health` ask for, 16 characters at least. Without one they are open: models and fields stand in them.
   */
  readonly token?: string;
}

/** What the endpoints can do besides telling metrics and health. */
export interface EndpointActions {
  /** All that is known, from memory. */
  status(): StatusReport;
  /** Takes an alert on; see AlertEngine. */
  acknowledge(key: string, owner: string, comment: string, forMs: number): Promise<void>;
}

/**
 * The addresses of a service that is watched. Each answers from memory, synchronously.
 *
 * | path | answers |
 * |---|---|
 * | `/health/live` | 200 as long as the process answers |
 * | `/health/ready` | the state, in a word |
 * | `/v1/health` | the state of every part, with reasons |
 * | `/metrics` | all metrics, for Prometheus |
 * | `/v1/status` | all that the monitor knows, for a dashboard; only with a token |
 *
 * GET and HEAD. `POST /v1/acknowledge` acknowledges an alert; only with a token. `?degradedcode=429` and the like choose the status of a state for one request.
 */
export class Endpoints {
  readonly #health: Health;
  readonly #metrics: MetricSource;
  readonly #codes: HealthCodes;
  readonly #token: Buffer | null;
  readonly #actions: EndpointActions | undefined;

  /** @throws ERR_OPTIONS for a status that is none, or a short token */
  constructor(
    health: Health,
    metrics: MetricSource,
    { codes = {}, token }: EndpointOptions = {},
    actions?: EndpointActions,
  ) {
    this.#actions = actions;
    this.#health = health;
    this.#metrics = metrics;
    this.#codes = { ...HEALTH_CODES, ...codes };
    if (!Object.values(this.#codes).every(isStatus))
      throw new FieldsealError('ERR_OPTIONS', 'a status of the health endpoints is not between 200 and 599');
    if (token !== undefined && token.length < 16)
      throw new FieldsealError('ERR_OPTIONS', 'the token of the endpoints has 16 characters at least');
    this.#token = token === undefined ? null : sha256(`Bearer ${token}`);
  }

  /** The answer, or null for a path that is none of these. */
  answer({ method, url, authorization }: EndpointRequest): EndpointResponse | null {
    if (!URL.canParse(url, 'http://localhost')) return null;
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    const route = this.#route(pathname);
    if (route === null) return null;
    if (method !== 'GET' && method !== 'HEAD') return plain(405, { allow: 'GET, HEAD' });
    if (route.secret && !this.#authorised(authorization)) return plain(401, { 'www-authenticate': 'Bearer' });
    const response = route.answer(searchParams);
    return method === 'HEAD' ? { ...response, body: '' } : response;
  }

  /** Does what is asked, or null for what {@link answer} answers. Resolves to 204, or to what is wrong; it never rejects. */
  act({ method, url, authorization, acknowledgement }: EndpointRequest): Promise<EndpointResponse> | null {
    if (this.#actions === undefined || !URL.canParse(url, 'http://localhost')) return null;
    if (new URL(url, 'http://localhost').pathname !== '/v1/acknowledge') return null;
    if (method !== 'POST') return Promise.resolve(plain(405, { allow: 'POST' }));
    return this.#guarded(authorization) ?? this.#acknowledge(this.#actions, acknowledgement ?? '');
  }

  async #acknowledge(actions: EndpointActions, header: string): Promise<EndpointResponse> {
    try {
      const { key, owner, comment, forMs } = parsedAcknowledgement(header);
      await actions.acknowledge(key, owner, comment, forMs);
      return plain(204, {});
    } catch (error) {
      if (!isFieldsealError(error)) return json(503, { error: 'the store of alerts cannot be reached' });
      return json(400, { error: `${error.summary}. ${error.hint}` });
    }
  }

  /** Refuses whoever has no token, and everybody where there is none to have. */
  #guarded(authorization: string | undefined): Promise<EndpointResponse> | null {
    if (this.#token === null) return Promise.resolve(json(403, { error: 'the endpoints have no token' }));
    return this.#authorised(authorization) ? null : Promise.resolve(plain(401, { 'www-authenticate': 'Bearer' }));
  }

  #route(path: string): { secret: boolean; answer: (query: URLSearchParams) => EndpointResponse } | null {
    switch (path) {
      case '/health/live':
        return { secret: false, answer: () => json(200, { state: 'ok' }) };
      case '/health/ready':
        return { secret: false, answer: (query) => this.#state(query, ({ state }) => ({ state })) };
      case '/v1/health':
        return { secret: true, answer: (query) => this.#state(query, (report) => report) };
      case '/metrics':
        return {
          secret: true,
          answer: () => ({
            status: 200,
            headers: headersOf(PROMETHEUS_TYPE),
            body: prometheusText(this.#metrics),
          }),
        };
      case '/v1/status': {
        const actions = this.#actions;
        if (actions === undefined) return null;
        if (this.#token === null)
          return { secret: false, answer: () => json(403, { error: 'the endpoints have no token' }) };
        return { secret: true, answer: () => json(200, actions.status()) };
      }
      default:
        return null;
    }
  }

  #state(query: URLSearchParams, show: (report: HealthReport) => object): EndpointResponse {
    const report = this.#health.report();
    const body = { ...show(report), ...(report.state === 'degraded' && { degraded: true }) };
    return json(this.#status(report.state, query), body);
  }

  #status(state: HealthState, query: URLSearchParams): number {
    const asked = Number(query.get(`${state}code`));
    return isStatus(asked) ? asked : this.#codes[state];
  }

  #authorised(authorization: string | undefined): boolean {
    // Digests have one length, and comparing them tells nothing of the token.
    return this.#token === null || timingSafeEqual(this.#token, sha256(authorization ?? ''));
  }
}

function parsedAcknowledgement(header: string): {
  readonly key: string;
  readonly owner: string;
  readonly comment: string;
  readonly forMs: number;
} {
  const wrong = () =>
    new FieldsealError('ERR_OPTIONS', `the header ${ACKNOWLEDGEMENT_HEADER} holds no acknowledgement`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(header, 'base64url').toString());
  } catch {
    throw wrong();
  }
  const { key, owner, comment = '', forMs } = (parsed ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof key !== 'string' || typeof owner !== 'string' || typeof comment !== 'string' || typeof forMs !== 'number')
    throw wrong();
  return { key, owner, comment, forMs };
}

function isStatus(code: number): boolean {
  return Number.isInteger(code) && code >= 200 && code <= 599;
}

function json(status: number, body: object): EndpointResponse {
  return { status, headers: headersOf('application/json; charset=utf-8'), body: `${JSON.stringify(body)}\n` };
}

function plain(status: number, headers: Readonly<Record<string, string>>): EndpointResponse {
  return { status, headers: { ...headersOf('text/plain; charset=utf-8'), ...headers }, body: '' };
}

function headersOf(type: string): Readonly<Record<string, string>> {
  return { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
