import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { SecretBytes } from '@fieldseal/core';
import { newCanary, scanBytes } from '@fieldseal/testkit';
import { expect, test } from 'vitest';
import { fileAuditSink, fileWitness, readAuditFile, readWitnessFile } from '../src/audit/audit-file.ts';
import type { AuditEvent } from '../src/audit/audit-log.ts';
import type { AuditWitness } from '../src/audit/audit-sink.ts';
import { AUDITED_METHODS, auditedKeyring } from '../src/audit/audited-keyring.ts';
import { readCheckpoint } from '../src/audit/checkpoint.ts';
import { recordEvents } from '../src/audit/event-recorder.ts';
import { verifyAuditLog } from '../src/audit/verification.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import { identifierKey, memorySink, newPath, openLog, signer } from './audit-sample.ts';
import { manualClock } from './manual-clock.ts';
import { damaged, fieldOf, sampleCipher } from './sample-cipher.ts';

const READ: AuditEvent = {
  actor: 'grete',
  action: 'patient.export',
  object: 'Patient',
  id: 'room-4711',
  outcome: 'done',
};
const turn = () => new Promise(setImmediate);
const refused = (code: string) => expect.objectContaining({ code });
const verified = (path: string, notes: readonly string[]) =>
  verifyAuditLog(readAuditFile(path), notes, signer.verifier);

test('a log goes on where it was, and hides who and which row', async () => {
  const [path, witness] = [newPath(), newPath()];
  for (let run = 0; run < 3; run++) {
    const log = await openLog({ sinks: [fileAuditSink(path)], witnesses: [fileWitness(witness)] });
    expect(log.size).toBe(run * 2);
    await Promise.all([log.append(READ), log.append({ ...READ, outcome: 'refused', code: 'ERR_NOT_AUTHORIZED' })]);
    await log.close();
  }
  const text = readFileSync(path, 'utf8');
  expect(text).not.toMatch(/grete|room/);
  const first = JSON.parse(text.split('\n')[0] as string);
  expect(first).toMatchObject({
    seq: 0,
    actor: expect.stringMatching(/^[0-9a-f]{32}$/),
    object: expect.stringMatching(/^Patient#/),
  });
  expect(
    new Set(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).actor),
    ).size,
  ).toBe(1);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const notes = await readWitnessFile(witness);
  expect(notes.map((note) => readCheckpoint(note)?.size)).toEqual([2, 4, 6]);
  expect(await verified(path, notes)).toMatchObject({ ok: true, entries: 6, witnessed: 6 });
});

const wrongEvents: Record<string, Partial<AuditEvent>> = {
  'a value as object': { object: 'ada@example.com' },
  'a sentence as object': { object: 'the patient in room 4' },
  'a long object': { object: 'x'.repeat(200) },
  'an action with spaces': { action: 'export all' },
  'an action in capitals': { action: 'EXPORT' },
  'a key that is none': { key: 'AA/BB==' },
  'a message as code': { code: 'something failed' },
  'no times at all': { count: 0 },
  'half a time': { count: 0.5 },
};
test.each(Object.entries(wrongEvents))('%s is refused', async (_, part) => {
  const sink = memorySink('memory');
  const log = await openLog({ sinks: [sink] });
  await expect(log.append({ ...READ, ...part })).rejects.toThrow(refused('ERR_OPTIONS'));
  await log.append(READ);
  expect(sink.entries).toHaveLength(1);
  await log.close();
});

test('it needs a sink that stores, and a whole key', async () => {
  await expect(openLog({ sinks: [] })).rejects.toThrow(refused('ERR_OPTIONS'));
  await expect(openLog({ sinks: [memorySink('webhook', false)] })).rejects.toThrow(refused('ERR_OPTIONS'));
  const short = SecretBytes.random(16);
  await expect(openLog({ sinks: [memorySink('memory')], identifierKey: short })).rejects.toThrow(
    refused('ERR_OPTIONS'),
  );
});

test('a line that was cut off is taken away and entered; other damage is refused', async () => {
  const path = newPath();
  const open = () => openLog({ sinks: [fileAuditSink(path)] });
  const log = await open();
  await log.append(READ);
  await log.close();
  appendFileSync(path, readFileSync(path, 'utf8').slice(0, 40));
  const again = await open();
  expect(again.recent.map(({ entry }) => entry.action)).toEqual(['audit.repair']);
  await again.close();
  expect((await verified(path, [])).findings.map(({ kind }) => kind)).toEqual(['unwitnessed']);
  expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toHaveLength(2);
  writeFileSync(path, readFileSync(path, 'utf8').replace('patient.export', 'patient.expert'));
  await expect(open()).rejects.toThrow(refused('ERR_AUDIT_DAMAGED'));
  expect(() => statSync(`${path}.lock`)).toThrow();
});

test('a log that its witness has seen longer, or with other entries, is not gone on with', async () => {
  const [path, witness] = [newPath(), newPath()];
  const open = () => openLog({ sinks: [fileAuditSink(path)], witnesses: [fileWitness(witness)] });
  const log = await open();
  await log.append(READ);
  await log.append(READ);
  await log.close();
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, `${text.split('\n')[0]}\n`);
  await expect(open()).rejects.toThrow(/truncated.*ERR_AUDIT_DAMAGED/);
  rmSync(path);
  await expect(open()).rejects.toThrow(/truncated/);
  const other = await openLog({ sinks: [fileAuditSink(path)] });
  await Promise.all([1, 2].map(() => other.append({ ...READ, actor: 'eve' })));
  await other.close();
  await expect(open()).rejects.toThrow(/rewritten/);
  writeFileSync(path, text);
  await (await open()).close();
});

test('one process writes a file; a file that others change or remove takes no more', async () => {
  const path = newPath();
  const metrics = new Metrics();
  const log = await openLog({ sinks: [fileAuditSink(path)], metrics, timeoutMs: 500 });
  await log.append(READ);
  appendFileSync(path, 'x');
  await expect(log.append(READ)).rejects.toThrow(refused('ERR_AUDIT_SINK'));
  expect(log.ready).toBe(false);
  await log.close();
  expect([...metrics.series('audit.failures')].find(({ labels }) => labels[0] === 'file')?.value).toBeGreaterThan(0);

  const second = await openLog({ sinks: [fileAuditSink(path)], timeoutMs: 500 });
  rmSync(path);
  await expect(second.append(READ)).rejects.toThrow(refused('ERR_AUDIT_SINK'));
  await second.close();
});

test('a sink that hangs is waited for once; the other goes on, and what was missed follows', async () => {
  const [slow, good] = [memorySink('sql'), memorySink('file')];
  const log = await openLog({ sinks: [slow, good], timeoutMs: 250 });
  slow.behaviour = 'hanging';
  for (let at = 0; at < 20; at++) await log.append(READ);
  expect([slow.entries.length, good.entries.length]).toEqual([0, 20]);
  slow.release();
  await expect.poll(() => slow.entries.length).toBe(20);
  expect(slow.entries).toEqual(good.entries);
  await log.close();
});

test('when all sinks hang, one call waits and the next are refused at once', async () => {
  const clock = manualClock(1_800_000_000_000);
  const sink = memorySink('file');
  const log = await openLog({ sinks: [sink], clock, timeoutMs: 250 });
  sink.behaviour = 'hanging';
  const first = expect(log.append(READ)).rejects.toThrow(refused('ERR_AUDIT_SINK'));
  await turn();
  clock.advanceTo(clock.now() + 250);
  await first;
  await expect(log.append(READ)).rejects.toThrow(refused('ERR_AUDIT_SINK'));
  expect(log.size).toBe(1);
  sink.release();
  await expect.poll(() => log.ready).toBe(true);
  await log.append(READ);
  expect(sink.entries.map(({ entry }) => entry.seq)).toEqual([0, 1]);
});

test('a sink that was behind is filled up; two that differ are refused', async () => {
  const [full, behind, other] = [memorySink('file'), memorySink('sql'), memorySink('sql')];
  const first = await openLog({ sinks: [full] });
  for (let at = 0; at < 5; at++) await first.append(READ);
  await first.close();
  behind.entries.push(...full.entries.slice(0, 2));
  const log = await openLog({ sinks: [behind, full] });
  await log.append(READ);
  await log.close();
  expect(behind.entries.map(({ line }) => line)).toEqual(full.entries.map(({ line }) => line));

  const stranger = await openLog({ sinks: [other] });
  await stranger.append({ ...READ, actor: 'eve' });
  await stranger.close();
  await expect(openLog({ sinks: [other, full] })).rejects.toThrow(/forked/);
});

test('a sink that only passes on gets an entry when it is stored, and nobody waits for it', async () => {
  const [store, forward] = [memorySink('file'), memorySink('webhook', false)];
  const log = await openLog({ sinks: [forward, store] });
  store.behaviour = 'hanging';
  const appended = log.append(READ);
  await turn();
  expect(forward.entries).toHaveLength(0);
  forward.behaviour = 'hanging';
  store.release();
  await appended;
  expect(forward.entries).toHaveLength(0);
  forward.release();
  await expect.poll(() => forward.entries.length).toBe(1);
  await log.close();
});

test('checkpoints come by number and by time, wait for what they cover, and are tried again', async () => {
  const clock = manualClock(1_800_000_000_000);
  const metrics = new Metrics();
  const notes: string[] = [];
  let broken = true;
  const witness: AuditWitness = {
    name: 'sql',
    add: async (note) => {
      if (broken) throw new Error('away');
      notes.push(note);
    },
  };
  const log = await openLog({
    sinks: [memorySink('file')],
    witnesses: [witness],
    clock,
    checkpointEntries: 3,
    metrics,
  });
  for (let at = 0; at < 3; at++) await log.append(READ);
  await expect
    .poll(() => [...metrics.series('audit.failures')].find(({ labels }) => labels[0] === 'witness-sql')?.value)
    .toBe(1);
  broken = false;
  clock.advanceTo(clock.now() + 60_000);
  await expect.poll(() => notes.map((note) => readCheckpoint(note)?.size)).toEqual([3]);
  clock.advanceTo(clock.now() + 60_000);
  await turn();
  expect(notes).toHaveLength(1);
  for (let at = 0; at < 3; at++) await log.append(READ);
  await expect.poll(() => notes.map((note) => readCheckpoint(note)?.size)).toEqual([3, 6]);
  expect([...metrics.series('audit.last_checkpoint')]).toMatchObject([{ value: 1_800_000_120 }]);
  broken = true;
  await expect(log.checkpoint()).rejects.toThrow(refused('ERR_AUDIT_SINK'));
  await log.close();
});

test('a change of a keyring is entered before and after, and not made when it cannot be entered', async () => {
  const { keyring } = await sampleCipher();
  const sink = memorySink('file');
  const log = await openLog({ sinks: [sink], timeoutMs: 250 });
  const audited = auditedKeyring(keyring, log, 'ada');
  const keyId = await audited.addKey();
  await audited.promote(keyId);
  await expect(audited.disable(keyId)).rejects.toThrow(refused('ERR_KEY_STATUS'));
  expect(sink.entries.map(({ entry: { action, key, outcome, code } }) => [action, key, outcome, code])).toEqual([
    ['keyring.add', null, 'begun', null],
    ['keyring.add', keyId, 'done', null],
    ['keyring.promote', keyId, 'begun', null],
    ['keyring.promote', keyId, 'done', null],
    ['keyring.disable', keyId, 'begun', null],
    ['keyring.disable', keyId, 'failed', 'ERR_KEY_STATUS'],
  ]);
  sink.behaviour = 'failing';
  const { generation } = keyring;
  await expect(audited.addKey()).rejects.toThrow(refused('ERR_AUDIT_SINK'));
  await expect(audited.rotate()).rejects.toThrow(refused('ERR_AUDIT_SINK'));
  await expect(audited.addScope('tenant')).rejects.toThrow(refused('ERR_AUDIT_SINK'));
  expect(keyring.generation).toBe(generation);
  await log.close();
});

/** What only reads, or changes nothing that is stored. */
const UNAUDITED = [
  'resolveMany',
  'cacheStats',
  'close',
  'constructor',
  'describe',
  'kekCensus',
  'peek',
  'resolve',
  'receiptKey',
  'shredReceipt',
  'id',
  'generation',
  'refresh',
  'reload',
  'scopes',
];
test('every method of a keyring is entered, or is known to change nothing', async () => {
  const { keyring } = await sampleCipher();
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(keyring));
  const known = new Set([...Object.keys(AUDITED_METHODS), ...UNAUDITED]);
  expect(methods.filter((name) => !known.has(name))).toEqual([]);
  expect(Object.keys(AUDITED_METHODS).filter((name) => !methods.includes(name))).toEqual([]);
});

test('uses of fields are summed up, changes of keys are not, and what is beyond the bound is counted', async () => {
  const clock = manualClock(1_800_000_000_000);
  const sink = memorySink('file');
  const log = await openLog({ sinks: [sink] });
  let who = 'ada';
  const stop = recordEvents(log, { principal: () => who, clock, limit: 3 });
  const { keyring, encrypt, decrypt } = await sampleCipher();
  const cells = encrypt(fieldOf('notes'), 'a', 'b', 'c');
  for (let at = 0; at < 10; at++) decrypt(fieldOf('notes'), ...cells);
  expect(() => decrypt(fieldOf('notes'), damaged(cells[0] as string))).toThrow();
  clock.advanceTo(clock.now() + 60_000);
  who = 'eve';
  for (const field of ['a', 'b', 'c', 'd', 'e']) encrypt(fieldOf(field), 'x');
  await keyring.rotate();
  await stop();
  encrypt(fieldOf('notes'), 'after the end');
  const seen = sink.entries.map(({ entry: { action, object, count, code } }) => [
    action,
    object.split(':')[0],
    count,
    code,
  ]);
  expect(seen.filter(([action]) => !String(action).startsWith('key.'))).toEqual([
    ['field.encrypt', 'Patient.notes', 3, null],
    ['field.decrypt', 'Patient.notes', 30, null],
    ['field.fail', 'Patient.notes', 1, 'ERR_DECRYPT'],
    ['field.encrypt', 'Patient.a', 1, null],
    ['field.encrypt', 'Patient.b', 1, null],
    ['field.encrypt', 'Patient.c', 1, null],
    ['field.more', 'any', 2, null],
  ]);
  expect(seen.map(([action]) => action)).toEqual(expect.arrayContaining(['key.create', 'key.add', 'key.promote']));
  expect(new Set(sink.entries.map(({ entry }) => entry.actor)).size).toBe(3); // ada, eve, and nobody for the rest
  await log.close();
});

test('what the log does not take is counted, and disturbs no query', async () => {
  const clock = manualClock(1_800_000_000_000);
  const sink = memorySink('file');
  const log = await openLog({ sinks: [sink], timeoutMs: 100 });
  const stop = recordEvents(log, { clock });
  const { encrypt } = await sampleCipher();
  await expect.poll(() => sink.entries.length).toBeGreaterThan(0);
  sink.behaviour = 'failing';
  await expect(log.append(READ)).rejects.toThrow(refused('ERR_AUDIT_SINK'));
  encrypt(fieldOf('notes'), 'a', 'b');
  clock.advanceTo(clock.now() + 60_000);
  await turn();
  sink.behaviour = 'well';
  await expect.poll(() => log.ready, { timeout: 10_000 }).toBe(true);
  await stop();
  expect(log.recent[0]?.entry).toMatchObject({ action: 'audit.drop', outcome: 'failed', count: 2 });
  await log.close();
});

test('leak: neither values, actors, row ids, keys nor cells are in an entry, a checkpoint or an error', async () => {
  const [value, actor, row] = [newCanary('value'), newCanary('actor'), newCanary('row')];
  const [path, witness] = [newPath(), newPath()];
  const secret = SecretBytes.random(32);
  const log = await openLog({ sinks: [fileAuditSink(path)], witnesses: [fileWitness(witness)], identifierKey: secret });
  const stop = recordEvents(log, { principal: () => actor });
  const { keyring, encrypt, decrypt } = await sampleCipher();
  const cells = encrypt(fieldOf('notes'), value);
  decrypt(fieldOf('notes'), ...cells);
  await auditedKeyring(keyring, log, actor).rotate();
  await log.append({ ...READ, actor, id: row });
  const errors = [await log.append({ ...READ, object: value.padEnd(200, 'x') }).catch((error: unknown) => error)];
  await stop();
  await log.close();
  const texts = [
    readFileSync(path, 'utf8'),
    readFileSync(witness, 'utf8'),
    inspect(errors, { depth: 9 }),
    inspect(log, { depth: 9 }),
  ];
  const keyBytes = [secret, identifierKey].map((key) => Buffer.from(key.expose()));
  for (const text of texts) {
    expect(scanBytes(Buffer.from(text), [value, actor, row])).toEqual([]);
    for (const key of keyBytes)
      for (const form of ['hex', 'base64', 'latin1'] as const) expect(text).not.toContain(key.toString(form));
    expect(text).not.toContain(String(cells[0]).slice(4, 30));
  }
});
