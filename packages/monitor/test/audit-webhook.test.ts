import { createHmac } from 'node:crypto';
import { SecretBytes } from '@fieldseal/core';
import { expect, test } from 'vitest';
import type { Fetch } from '../src/alerts/webhook.ts';
import { webhookAuditSink, webhookWitness } from '../src/audit/audit-webhook.ts';
import { memorySink, openLog, signer } from './audit-sample.ts';

const secret = SecretBytes.random(32);
const READ = { action: 'patient.export', object: 'Patient', outcome: 'done' } as const;

/** A receiver that answers with these statuses in turn, and 200 from then on. */
function receiver(...statuses: number[]): {
  readonly fetch: Fetch;
  readonly got: [url: string, body: string, type: string][];
} {
  const got: [string, string, string][] = [];
  const fetch: Fetch = async (url, { body, headers, redirect }) => {
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers['fieldseal-signature'] ?? '') ?? [];
    expect(v1).toBe(createHmac('sha256', secret.expose()).update(`${t}.${body}`).digest('hex'));
    expect(redirect).toBe('manual');
    got.push([url, body, headers['content-type'] ?? '']);
    return { status: statuses.shift() ?? 200, body: null };
  };
  return { fetch, got };
}

test('entries are posted as lines, signed, and again until they are taken', async () => {
  const { fetch, got } = receiver(500, 302);
  const url = 'https://audit.example/entries';
  const log = await openLog({ sinks: [memorySink('file'), webhookAuditSink({ url, secret, fetch })] });
  const { line } = await log.append(READ);
  await expect.poll(() => got.length, { timeout: 10_000 }).toBe(3);
  expect(new Set(got.map((one) => one.join()))).toEqual(new Set([[url, `${line}\n`, 'application/x-ndjson'].join()]));
  await log.close();
});

test('a checkpoint is posted, and a receiver that does not take it is a failure', async () => {
  const { fetch, got } = receiver(200, 404);
  const log = await openLog({
    sinks: [memorySink('file')],
    witnesses: [webhookWitness({ url: 'https://audit.example/checkpoints', secret, fetch })],
  });
  await log.append(READ);
  const note = await log.checkpoint();
  expect(signer.verifier.verifies(note)).toBe(true);
  expect(got.map(([, body]) => body)).toEqual([note]);
  await expect(log.checkpoint()).rejects.toThrow(expect.objectContaining({ code: 'ERR_AUDIT_SINK' }));
  await log.close();
});

test.each(['http://audit.example', 'https://user:password@audit.example', 'ftp://audit.example', 'audit.example', ''])(
  '%j is no safe address',
  (url) => {
    expect(() => webhookAuditSink({ url, secret })).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
    expect(() => webhookWitness({ url, secret })).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  },
);

test('a short secret is refused', () => {
  const short = SecretBytes.random(15);
  expect(() => webhookWitness({ url: 'https://audit.example', secret: short })).toThrow(
    expect.objectContaining({ code: 'ERR_OPTIONS' }),
  );
});
