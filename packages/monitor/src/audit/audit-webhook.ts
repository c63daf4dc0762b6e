import { FieldsealError } from '@fieldseal/core';
import { checkedWebhook, type Fetch, SIGNATURE_HEADER, signature, type WebhookOptions } from '../alerts/webhook.ts';
import type { AuditSink, AuditWitness } from './audit-sink.ts';

/** Options of {@link webhookAuditSink} and {@link webhookWitness}: an address, the key of the signature, and what stands in for fetch. */
export type AuditWebhookOptions = Pick<WebhookOptions, 'url' | 'secret' | 'fetch'>;

/**
 * A sink that passes entries on: a POST of lines of JSON, signed as alerts are. Anything but 2xx is tried again with the same entries, so that a
 * receiver may get one twice; `seq` tells it.
 *
 * @throws ERR_OPTIONS for an address that is not safe, or a short secret
 */
export function webhookAuditSink(options: AuditWebhookOptions): AuditSink {
  const send = sender(options, 'application/x-ndjson');
  return {
    name: 'webhook',
    stores: false,
    open: async () => null,
    append: (entries, signal) => send(entries.map(({ line }) => `${line}\n`).join(''), signal),
    close: async () => undefined,
  };
}

/**
 * A witness that gets each checkpoint by POST, signed as alerts are. It cannot be asked: whoever receives them keeps them, and gives them to
 * `fieldseal audit verify`.
 *
 * @throws ERR_OPTIONS for an address that is not safe, or a short secret
 */
export function webhookWitness(options: AuditWebhookOptions): AuditWitness {
  return { name: 'webhook', add: sender(options, 'text/plain; charset=utf-8') };
}

function sender(options: AuditWebhookOptions, type: string): (body: string, signal: AbortSignal) => Promise<void> {
  const { url, secret } = checkedWebhook(options);
  const post = options.fetch ?? (fetch as Fetch);
  return async (body, signal) => {
    const seconds = Math.floor(Date.now() / 1000);
    const headers = { 'content-type': type, [SIGNATURE_HEADER]: signature(secret, body, seconds) };
    const response = await post(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    await response.body?.cancel();
    if (response.status < 200 || response.status > 299)
      throw new FieldsealError('ERR_AUDIT_SINK', `the receiver of the audit log answered ${response.status}`);
  };
}
