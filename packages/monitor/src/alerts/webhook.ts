import { createHmac } from 'node:crypto';
import { FieldsealError, type SecretBytes } from '@fieldseal/core';
import { type Clock, systemClock } from '../clock.ts';
import type { Notice } from './alert.ts';
import type { AlertSink } from './alert-sink.ts';

/** What is used of `fetch`. */
export type Fetch = (
  url: string,
  init: {
    readonly method: 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<{ readonly status: number; readonly body?: { cancel(): Promise<void> } | null }>;

/** Options of {@link webhookSink}. */
export interface WebhookOptions {
  /** https, or http to this machine. */
  readonly url: string;
  /** Key of the signature, 16 bytes at least. */
  readonly secret: SecretBytes;
  /** Time that one try may take, in ms; 5000 by default. */
  readonly timeoutMs?: number;
  /** Tries in all; 5 by default. The waits between them double from one second, and vary by half. */
  readonly attempts?: number;
  readonly fetch?: Fetch;
  readonly clock?: Clock;
}

/** Header of the signature: `t=<Unix time in s>,v1=<HMAC-SHA-256 over time, full stop and body, in hexadecimal digits>`. */
export const SIGNATURE_HEADER = 'fieldseal-signature';

/** The signature of a body. Receivers compute it again, compare it in constant time, and refuse an old `t`. */
export function signature(secret: SecretBytes, body: string, seconds: number): string {
  const mac = createHmac('sha256', secret.expose()).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${mac}`;
}

/**
 * A sink that posts notices as JSON, signed. The header `fieldseal-notice` has the id of the notice, by which a receiver tells a repeated try.
 * 2xx is success; 408, 425, 429 and 5xx and a connection that fails are tried again; anything else, a redirect included, is given up at once.
 *
 * @throws ERR_OPTIONS for an address that is not safe, or a short secret
 */
export function webhookSink(options: WebhookOptions): AlertSink {
  const { secret, timeoutMs = 5000, attempts = 5, clock = systemClock } = options;
  const send = options.fetch ?? (fetch as Fetch);
  const { url } = checkedWebhook(options);
  const attempt = async (notice: Notice, body: string): Promise<'done' | 'again' | 'never'> => {
    const headers = {
      'content-type': 'application/json',
      'fieldseal-notice': notice.id,
      [SIGNATURE_HEADER]: signature(secret, body, Math.floor(clock.now() / 1000)),
    };
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await send(url, { method: 'POST', headers, body, redirect: 'manual', signal });
      await response.body?.cancel();
      const { status } = response;
      if (status >= 200 && status < 300) return 'done';
      return status === 408 || status === 425 || status === 429 || status >= 500 ? 'again' : 'never';
    } catch {
      return 'again';
    }
  };
  return {
    deliver: async (notice) => {
      const body = JSON.stringify(notice);
      for (let tried = 1; ; tried++) {
        const outcome = await attempt(notice, body);
        if (outcome === 'done') return;
        if (outcome === 'never' || tried >= attempts) throw undelivered();
        await clock.sleep(1000 * 2 ** (tried - 1) * (0.75 + Math.random() / 2));
      }
    },
  };
}

/** Address and secret, if they are safe. Throws ERR_OPTIONS. */
export function checkedWebhook({ url, secret }: Pick<WebhookOptions, 'url' | 'secret'>): {
  readonly url: string;
  readonly secret: SecretBytes;
} {
  if (secret.length < 16) throw new FieldsealError('ERR_OPTIONS', 'the secret of a webhook has 16 bytes at least');
  return { url: checkedUrl(url), secret };
}

function checkedUrl(text: string): string {
  const hint = 'Give an https address without user and password; http is for this machine only.';
  if (!URL.canParse(text)) throw new FieldsealError('ERR_OPTIONS', 'the address of a webhook is no URL', { hint });
  const { protocol, hostname, username, password } = new URL(text);
  const local = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
  const safe = (protocol === 'https:' || (protocol === 'http:' && local)) && username === '' && password === '';
  if (!safe) throw new FieldsealError('ERR_OPTIONS', 'the address of a webhook is not safe', { hint });
  return text;
}

/** Neither address nor answer stand in it: addresses of webhooks often are secrets. */
function undelivered(): Error {
  return new Error('the notice could not be delivered');
}
