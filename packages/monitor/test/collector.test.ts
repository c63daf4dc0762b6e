import { channel } from 'node:diagnostics_channel';
import { createKeyring, generateRawKey, keyringMemory, openKeyring, rawKey } from '@fieldseal/core';
import { afterEach, expect, test } from 'vitest';
import { Collector, countCache, countKeys } from '../src/metrics/collector.ts';
import type { MetricName } from '../src/metrics/metric-table.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import { manualClock } from './manual-clock.ts';
import { damaged, fieldOf, sampleCipher } from './sample-cipher.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function collect(now = 0): Metrics {
  const metrics = new Metrics();
  const collector = new Collector(metrics, manualClock(now));
  stops.push(() => collector.stop());
  return metrics;
}

/** Series that are not 0, by their labels. */
function values(metrics: Metrics, name: MetricName): Record<string, number> {
  const series = [...metrics.series(name)].filter(({ value }) => value !== 0);
  return Object.fromEntries(series.map(({ labels, value }) => [labels.join(' '), value]));
}

function publish(name: string, event: unknown): void {
  channel(`fieldseal:${name}`).publish(event);
}

test('batches of the real cipher are counted once each, their values by field', async () => {
  const { encrypt, decrypt } = await sampleCipher();
  const metrics = collect();
  const cells = encrypt(fieldOf('notes'), 'a', 'b', 'c');
  decrypt(fieldOf('notes'), ...cells);
  decrypt(fieldOf('notes'), cells[0]);
  expect(values(metrics, 'batches')).toEqual({ encrypt: 1, decrypt: 2 });
  expect(values(metrics, 'operations')).toEqual({ 'encrypt Patient notes': 3, 'decrypt Patient notes': 4 });
  expect(values(metrics, 'operation.duration')).toEqual({ 'encrypt Patient': 1, 'decrypt Patient': 2 });
  expect(values(metrics, 'key.uses')).toEqual({ 'encrypt primary': 3, 'decrypt primary': 4 });
  const size = (cells[0] as string).length;
  expect(values(metrics, 'bytes')).toEqual({ encrypt: 3 * size, decrypt: 4 * size });
});

test('failures of the real cipher are counted by code and by field', async () => {
  const { encrypt, decrypt } = await sampleCipher();
  const metrics = collect();
  const [cell] = encrypt(fieldOf('notes'), 'a') as [string];
  expect(() => decrypt(fieldOf('notes'), damaged(cell))).toThrow();
  expect(() => decrypt(fieldOf('email'), 'plaintext')).toThrow();
  expect(values(metrics, 'failures')).toEqual({ ERR_DECRYPT: 1, ERR_CELL_FORMAT: 1 });
  expect(values(metrics, 'field.failures')).toEqual({
    'ERR_DECRYPT Patient notes': 1,
    'ERR_CELL_FORMAT Patient email': 1,
  });
  expect(values(metrics, 'batches')).toEqual({ encrypt: 1 });
});

test('keyrings: open, locked, changed, old', async () => {
  const metrics = collect(Date.now() + 1000 * 3600);
  const [key, storage] = [generateRawKey(), keyringMemory()];
  const { keyring } = await createKeyring({ storage, openers: [rawKey(key)] });
  expect([...metrics.series('seal.state')]).toMatchObject([{ value: 1 }]);
  await keyring.rotate();
  await expect(openKeyring({ storage, openers: [rawKey(generateRawKey())] })).rejects.toThrow('ERR_KEYRING_LOCKED');
  expect(values(metrics, 'failures')).toEqual({ ERR_KEYRING_LOCKED: 1 });
  expect(values(metrics, 'keyring.changes')).toMatchObject({ add: 1, promote: 1 });
  countKeys(await keyring.describe(), metrics, manualClock(Date.now() + 1000 * 3600));
  expect(values(metrics, 'key.versions')).toEqual({ enabled: 2 });
  const [age] = [...metrics.series('key.age')];
  expect(age?.value).toBeGreaterThan(3590);
  expect(age?.value).toBeLessThan(3700);
  keyring.close();
  keyring.close();
  expect([...metrics.series('seal.state')]).toMatchObject([{ value: 0 }]);
});

test('a start that fails for want of the key is sealed', async () => {
  const storage = keyringMemory();
  const { keyring } = await createKeyring({ storage, openers: [rawKey(generateRawKey())] });
  keyring.close();
  const metrics = collect();
  await expect(openKeyring({ storage, openers: [rawKey(generateRawKey())] })).rejects.toThrow();
  expect([...metrics.series('seal.state')]).toMatchObject([{ value: 0 }]);
});

test('jobs: rows add up, and whether one runs is known from what it did last', () => {
  const metrics = collect();
  const none = { read: 0, done: 0, conflicts: 0, quarantined: 0 };
  const job = { job: 'j1', kind: 'reencrypt', model: 'Patient', rows: 500, left: null, ...none };
  publish('job', { ...job, action: 'start', left: 500 });
  expect(values(metrics, 'job.running')).toEqual({ 'reencrypt Patient': 1 });
  publish('job', { ...job, action: 'batch', left: 300, read: 200, done: 150, conflicts: 1 });
  publish('job', { ...job, action: 'batch', read: 100, done: 99, quarantined: 2 });
  expect(values(metrics, 'job.rows')).toEqual({ 'reencrypt Patient': 300 });
  expect(values(metrics, 'job.conflicts')).toEqual({ 'reencrypt Patient': 1 });
  expect(values(metrics, 'job.quarantined')).toEqual({ 'reencrypt Patient': 2 });
  // What was counted last stays until it is counted again.
  expect([values(metrics, 'job.planned'), values(metrics, 'job.left')]).toEqual([
    { 'reencrypt Patient': 500 },
    { 'reencrypt Patient': 300 },
  ]);
  publish('job', { ...job, action: 'pause' });
  expect([values(metrics, 'job.running'), values(metrics, 'job.paused')]).toEqual([{}, { 'reencrypt Patient': 1 }]);
  publish('job', { ...job, action: 'resume' });
  expect([values(metrics, 'job.running'), values(metrics, 'job.paused')]).toEqual([{ 'reencrypt Patient': 1 }, {}]);
  publish('job', { ...job, action: 'done' });
  expect([values(metrics, 'job.running'), values(metrics, 'job.paused')]).toEqual([{}, {}]);
});

test('backups: a failure does not count as a success', () => {
  const metrics = collect(5000);
  publish('backup', { action: 'create', kind: 'keyring', ok: true, bytes: 700, ms: 3 });
  publish('backup', { action: 'verify', kind: 'keyring', ok: false, bytes: undefined, ms: 3 });
  publish('backup', { action: 'drill', kind: 'rows', ok: true, bytes: undefined, ms: 2500 });
  publish('backup', { action: 'restore', kind: 'rows', ok: true, bytes: undefined, ms: 2500 });
  expect(values(metrics, 'backup.last_success')).toEqual({ keyring: 5 });
  expect(values(metrics, 'backup.last_verified')).toEqual({});
  expect(values(metrics, 'backup.last_drill')).toEqual({ rows: 5 });
  expect(values(metrics, 'backup.failures')).toEqual({ verify: 1 });
  expect(values(metrics, 'backup.size')).toEqual({ keyring: 700 });
  expect(values(metrics, 'backup.drill_duration')).toEqual({ rows: 2.5 });
});

test('caches and their breaker', () => {
  const metrics = collect();
  const event = { keyringId: '00', scopes: 3 };
  for (const action of ['refused', 'failed', 'failed', 'opened']) publish('cache', { ...event, action });
  expect(values(metrics, 'cache.events')).toEqual({ refused: 1, failed: 2 });
  expect(values(metrics, 'breaker.state')).toEqual({ cache: 2 });
  publish('cache', { ...event, action: 'closed' });
  expect(values(metrics, 'breaker.state')).toEqual({});
  const counts = { scopes: 9, hits: 90, misses: 10, evictions: 1 };
  countCache({ ...counts, shared: null }, metrics);
  expect(values(metrics, 'cache.requests')).toEqual({ 'local hit': 90, 'local miss': 10 });
  countCache({ ...counts, shared: { hits: 7, misses: 3, refused: 1, failures: 2 } }, metrics);
  expect(values(metrics, 'cache.requests')).toMatchObject({ 'shared hit': 7, 'shared miss': 3, 'shared error': 3 });
  expect(values(metrics, 'cache.entries')).toEqual({ '': 9 });
});

test('KEKs, denials, honey cells and wear', () => {
  const metrics = collect();
  publish('kek', { operation: 'unwrap', kekId: 'k', outcome: 'retry', code: undefined, attempt: 1, ms: 5 });
  publish('kek', { operation: 'unwrap', kekId: 'k', outcome: 'ok', code: undefined, attempt: 2, ms: 20 });
  expect(values(metrics, 'kek.requests')).toEqual({ 'unwrap retry': 1, 'unwrap ok': 1 });
  expect([...metrics.series('kek.duration')]).toMatchObject([{ labels: ['unwrap'], value: 1 }]);
  const denial = { actor: 'ada', model: 'Patient', fields: ['notes'], operation: 'decrypt', reason: 'no' };
  publish('denial', { ...denial, code: 'ERR_NOT_AUTHORIZED' });
  publish('denial', { ...denial, code: 'ERR_RATE_LIMITED' });
  publish('denial', { ...denial, code: 'ERR_RATE_LIMITED' });
  expect(values(metrics, 'policy.refusals')).toEqual({ denied: 1, limited: 2 });
  publish('honey', { name: 'n', model: 'Patient', field: 'notes' });
  expect(values(metrics, 'honey.opened')).toEqual({ '': 1 });
  publish('search', { model: 'Patient', index: 'nameGrams', read: 9, matched: 2 });
  expect(Object.values(values(metrics, 'search.rows'))).toEqual([9, 2]);
  publish('wear', { keyId: '00', messages: 75, limit: 100 });
  publish('wear', { keyId: '01', messages: 50, limit: 100 });
  expect(values(metrics, 'key.wear')).toEqual({ '': 0.75 });
});

test('events that are none of ours disturb nobody', () => {
  const metrics = collect();
  for (const event of [null, undefined, 5, {}, { fields: null }]) publish('cipher', event);
  publish('job', null);
  expect(values(metrics, 'failures')['ERR_EVENT']).toBeGreaterThan(0);
});

test('after its end nothing is counted', () => {
  const metrics = new Metrics();
  const collector = new Collector(metrics, manualClock());
  collector.stop();
  publish('honey', { name: 'n', model: 'Patient', field: 'notes' });
  expect(values(metrics, 'honey.opened')).toEqual({});
});
