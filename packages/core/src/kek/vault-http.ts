import { concat, view } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import { KekFaultError } from './kek-fault.ts';

/** An answer of an HTTP server, read whole. */
export interface HttpAnswer {
  readonly status: number;
  /** Wait that the server asks for, in ms. */
  readonly retryAfterMs: number | undefined;
  /** The body; the caller's to wipe. */
  readonly body: Uint8Array;
}

/** A `fetch` as Node and undici have it. */
export type Fetch = typeof globalThis.fetch;

/** Longest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 65_536;

/** Longest wait that is believed, in seconds. */
const MAX_RETRY_AFTER_S = 3600;

/**
 * Sends a body by POST. Redirects are refused: the request carries a token and a key, which belong to nobody else.
 *
 * @throws whatever `fetch` throws, KekFaultError for a redirect or an answer that is too long
 */
export async function post(
  fetch: Fetch,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  // TypeScript's Uint8Array may lie over shared memory, which fetch refuses; ours never does.
  const init = { method: 'POST', headers, body: body as Uint8Array<ArrayBuffer>, redirect: 'manual', signal } as const;
  const response = await fetch(url, init);
  const { status } = response;
  // Browsers hide what a redirect was behind status 0, and so do some implementations of fetch.
  if (status === 0 || (status >= 300 && status < 400)) {
    await response.body?.cancel();
    throw new KekFaultError('response', status === 0 ? 'redirect' : `HTTP:${status}`);
  }
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfterMs = seconds >= 0 ? Math.min(seconds, MAX_RETRY_AFTER_S) * 1000 : undefined;
  return { status, retryAfterMs, body: await readAll(response) };
}

async function readAll(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done || value === undefined) return concat(...chunks);
      length += value.length;
      chunks.push(value);
      if (length > MAX_ANSWER_BYTES) {
        await reader?.cancel();
        throw new KekFaultError('response', 'too-long');
      }
    }
  } finally {
    for (const chunk of chunks) chunk.fill(0);
  }
}

/** What a JSON body says; undefined when it is none. For answers that hold no secret. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(view(body).toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * The base address of a key service, without a slash at its end.
 *
 * @throws ERR_OPTIONS when it is no URL, holds credentials or a query, or would send keys in clear over a network
 */
export function checkedAddress(address: string): string {
  const bad = (reason: string) => new FieldsealError('ERR_OPTIONS', `the address of the key service ${reason}`);
  if (!URL.canParse(address)) throw bad('is not a URL');
  const url = new URL(address);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw bad('holds more than a place');
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback))
    throw bad('is neither https nor on this machine: keys would cross the network in clear');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
