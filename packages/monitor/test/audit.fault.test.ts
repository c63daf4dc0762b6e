import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { beforeAll, expect, test } from 'vitest';
import { fileAuditSink, fileWitness, readAuditFile, readWitnessFile } from '../src/audit/audit-file.ts';
import { parseNoteSigner } from '../src/audit/signed-note.ts';
import { verifyAuditLog } from '../src/audit/verification.ts';
import { folder, newPath, openLog } from './audit-sample.ts';
import { randomSource } from './random-source.ts';

const ROUNDS = process.env['SLOW'] === '1' ? 60 : 3;
const KEY = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const signer = parseNoteSigner(KEY);
const program = join(folder, 'writer.mjs');

/** Enters without end, and says after each entry that it is stored. */
const WRITER = `
import { SecretBytes } from '@fieldseal/core';
import { fileAuditSink, fileWitness, openAuditLog, parseNoteSigner } from '@fieldseal/monitor/audit';
const [path, witness, key] = process.argv.slice(2);
const log = await openAuditLog({
  signer: parseNoteSigner(key),
  identifierKey: SecretBytes.random(32),
  sinks: [fileAuditSink(path)],
  witnesses: [fileWitness(witness)],
  timeoutMs: 60000,
  checkpointEntries: 20,
});
for (;;) {
  const burst = Array.from({ length: 8 }, () => log.append({ actor: 'ada', action: 'patient.export', object: 'Patient', id: '4711', outcome: 'done' }));
  process.send(Math.max(...(await Promise.all(burst)).map(({ entry }) => entry.seq)));
}`;

beforeAll(async () => {
  const source = join(folder, 'writer-source.mjs');
  writeFileSync(source, WRITER);
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const bundle = await rolldown({
    input: source,
    platform: 'node',
    external: [/^node:/],
    resolve: {
      modules: [file('../../../node_modules')],
      alias: {
        '@fieldseal/core/internal': file('../../core/src/internal.ts'),
        '@fieldseal/core': file('../../core/src/index.ts'),
        '@fieldseal/monitor/audit': file('../src/audit.ts'),
      },
    },
  });
  await bundle.write({ file: program, format: 'esm', codeSplitting: false });
  await bundle.close();
});

test(`kill -9 in ${ROUNDS} rounds: nothing stored is lost, one torn line at most, and the log goes on`, async () => {
  const [path, witness] = [newPath(), newPath()];
  const random = randomSource(4711);
  let stored = -1;
  for (let round = 0; round < ROUNDS; round++) {
    const child: ChildProcess = fork(program, [path, witness, KEY], { stdio: 'inherit' });
    let bursts = 2 + Math.floor(random() * 12);
    await new Promise<void>((resolve, reject) => {
      child.on('message', (seq) => {
        stored = Math.max(stored, Number(seq));
        if (--bursts === 0) resolve();
      });
      child.once('exit', () => reject(new Error('the writer ended by itself')));
    });
    child.removeAllListeners('exit');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const verification = await verifyAuditLog(readAuditFile(path), await readWitnessFile(witness), signer.verifier);
    expect(
      verification.findings.map(({ kind }) => kind).filter((kind) => kind !== 'torn' && kind !== 'unwitnessed'),
    ).toEqual([]);
    expect(verification.entries).toBeGreaterThan(stored);
  }
  // A tail that is surely torn, whatever the kills left.
  writeFileSync(path, readFileSync(path).subarray(0, readFileSync(path).lastIndexOf('\n') - 20));
  const log = await openLog({ signer, sinks: [fileAuditSink(path)], witnesses: [] });
  expect(log.recent.map(({ entry }) => entry.action)).toEqual(['audit.repair']);
  await log.close();
  const { findings } = await verifyAuditLog(readAuditFile(path), [], signer.verifier);
  expect(findings.map(({ kind }) => kind)).toEqual(['unwitnessed']);
});

test('two processes cannot write one file', async () => {
  const [path, witness] = [newPath(), newPath()];
  const child = fork(program, [path, witness, KEY], { stdio: 'inherit' });
  await once(child, 'message');
  await expect(openLog({ signer, sinks: [fileAuditSink(path)], witnesses: [fileWitness(witness)] })).rejects.toThrow(
    expect.objectContaining({ code: 'ERR_AUDIT_SINK' }),
  );
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
});
