import { readFileSync, writeFileSync } from 'node:fs';
import { SecretBytes } from '@fieldseal/core';
import { beforeAll, describe, expect, test } from 'vitest';
import { type AuditEntry, readEntry, sealEntry } from '../src/audit/audit-entry.ts';
import { fileAuditSink, fileWitness, readAuditFile, readWitnessFile } from '../src/audit/audit-file.ts';
import { checkpointText } from '../src/audit/checkpoint.ts';
import { merkleRoot } from '../src/audit/merkle-tree.ts';
import { noteSigner } from '../src/audit/signed-note.ts';
import { type AuditVerification, verifyAuditLog } from '../src/audit/verification.ts';
import { newPath, openLog, signer } from './audit-sample.ts';
import { randomSource } from './random-source.ts';

const SIZE = 32;
const TRIALS = 60;
let lines: string[] = [];
let notes: readonly string[] = [];

beforeAll(async () => {
  const [path, witness] = [newPath(), newPath()];
  const log = await openLog({ sinks: [fileAuditSink(path, { fsync: 'never' })], witnesses: [fileWitness(witness)] });
  for (let at = 0; at < SIZE; at++) {
    await log.append({
      actor: `user ${at % 5}`,
      action: 'field.decrypt',
      object: 'Patient.notes',
      id: `${at}`,
      outcome: 'done',
    });
    if (at % 10 === 9) await log.checkpoint();
  }
  await log.close();
  lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  notes = await readWitnessFile(witness);
});

const path = newPath();
const verify = (text: string, seen: readonly string[] = notes): Promise<AuditVerification> => {
  writeFileSync(path, text);
  return verifyAuditLog(readAuditFile(path), seen, signer.verifier);
};
const joined = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
const kinds = ({ findings }: AuditVerification): string[] => [...new Set(findings.map(({ kind }) => kind))].sort();

/** Enters the same again from some place on, with one entry changed and every hash made anew: what whoever has the file and no key can do. */
function rewritten(from: number): string[] {
  const all = lines.slice(0, from);
  let prev = from === 0 ? '0'.repeat(64) : (readEntry(all[from - 1] as string)?.hash as string);
  for (const line of lines.slice(from)) {
    const { hash, ...entry } = JSON.parse(line) as AuditEntry & { hash: string };
    const sealed = sealEntry({ ...entry, prev, outcome: entry.seq === from ? 'failed' : entry.outcome });
    expect(sealed.hash).not.toBe(hash);
    all.push(sealed.line);
    prev = sealed.hash;
  }
  return all;
}

type Pick = (below: number) => number;
interface Tampered {
  readonly text: string;
  readonly notes?: readonly string[];
}

/** What is done to a log, and what verification has to call it. */
const CLASSES: Record<string, { kinds: string[]; tamper: (pick: Pick) => Tampered }> = {
  'an entry edited': {
    kinds: ['edited'],
    tamper: (pick) => {
      const at = pick(SIZE);
      const line = lines[at] as string;
      const place = pick(line.length - 12) + 10;
      const other = line[place] === '0' ? '1' : '0';
      return { text: joined(lines.with(at, line.slice(0, place) + other + line.slice(place + 1))) };
    },
  },
  'an entry edited, with its own hash made anew': {
    kinds: ['edited'],
    tamper: (pick) => {
      const at = pick(SIZE - 1);
      const entry = readEntry(lines[at] as string)?.entry as AuditEntry;
      return { text: joined(lines.with(at, sealEntry({ ...entry, actor: null }).line)) };
    },
  },
  'all written anew from one entry on': {
    kinds: ['rewritten'],
    tamper: (pick) => ({ text: joined(rewritten(pick(SIZE - 1))) }),
  },
  'the end cut off': {
    kinds: ['truncated'],
    tamper: (pick) => ({ text: joined(lines.slice(0, pick(SIZE))) }),
  },
  'an entry removed': {
    kinds: ['removed'],
    tamper: (pick) => ({ text: joined(lines.toSpliced(pick(SIZE - 1), 1)) }),
  },
  'an entry doubled': {
    kinds: ['inserted'],
    tamper: (pick) => {
      const at = pick(SIZE);
      return { text: joined(lines.toSpliced(at, 0, lines[at] as string)) };
    },
  },
  'two entries exchanged': {
    kinds: ['reordered'],
    tamper: (pick) => {
      const [a, b] = [pick(SIZE / 2), SIZE / 2 + pick(SIZE / 2)];
      return { text: joined(lines.with(a, lines[b] as string).with(b, lines[a] as string)) };
    },
  },
  'all written anew and signed with another key': {
    kinds: ['re-signed'],
    tamper: (pick) => {
      const all = rewritten(pick(SIZE - 1));
      const root = merkleRoot(all.map((line) => Buffer.from(readEntry(line)?.hash as string, 'hex')));
      const thief = noteSigner(signer.name, SecretBytes.random(32));
      return { text: joined(all), notes: [thief.sign(checkpointText({ origin: signer.name, size: SIZE, root }))] };
    },
  },
  'the last line torn': {
    kinds: ['torn', 'truncated'],
    tamper: (pick) => {
      const last = lines.at(-1) as string;
      return { text: joined(lines.slice(0, -1)) + last.slice(0, 1 + pick(last.length)) };
    },
  },
};

test('an untouched log verifies', async () => {
  expect(notes).toHaveLength(4);
  expect(await verify(joined(lines))).toEqual({ ok: true, entries: SIZE, witnessed: SIZE, findings: [], more: 0 });
});

describe.each(Object.entries(CLASSES))('%s', (name, { kinds: expected, tamper }) => {
  test(`is found and called ${expected.join(', ')} in ${TRIALS} of ${TRIALS} trials`, async () => {
    const random = randomSource(name.length * 7919);
    const pick: Pick = (below) => Math.floor(random() * below);
    for (let trial = 0; trial < TRIALS; trial++) {
      const { text, notes: seen } = tamper(pick);
      const found = await verify(text, seen);
      // Where no checkpoint is good, there is none: that follows from the rest.
      expect([trial, found.ok, kinds(found).filter((kind) => kind !== 'unwitnessed')]).toEqual([
        trial,
        false,
        expected,
      ]);
    }
  });
});

test('without a checkpoint nothing is taken for granted', async () => {
  expect(await verify(joined(rewritten(3)), [])).toMatchObject({
    ok: false,
    witnessed: 0,
    findings: [{ kind: 'unwitnessed' }],
  });
  expect(kinds(await verify('', []))).toEqual(['unwitnessed']);
  expect(kinds(await verify('', notes))).toEqual(['truncated']);
});

test('a log behind its last checkpoint is whole, and says how far it is witnessed', async () => {
  expect(await verify(joined(lines), notes.slice(0, 1))).toMatchObject({ ok: true, entries: SIZE, witnessed: 10 });
});

test('two histories signed by the key of the log are a fork; the checkpoint of another log is none of this one', async () => {
  const root = merkleRoot([]);
  const fork = signer.sign(checkpointText({ origin: signer.name, size: 10, root }));
  expect(kinds(await verify(joined(lines), [...notes, fork]))).toEqual(['forked']);
  const foreign = signer.sign(checkpointText({ origin: 'audit.example/other', size: 10, root }));
  expect(kinds(await verify(joined(lines), [...notes, foreign]))).toEqual(['re-signed']);
});

test.each([
  '',
  '{}',
  'null',
  '[1]',
  '{"seq":1e99}',
  '\u0000',
  `{"seq":0,"hash":"${'0'.repeat(64)}"}`,
  'x'.repeat(5000),
])('a line of %j is no entry', async (line) => {
  expect(readEntry(line)).toBeNull();
  expect(kinds(await verify(joined(lines.with(5, line))))).toEqual(['edited']);
});

test('an entry in another spelling of the same JSON is edited', async () => {
  const line = lines[7] as string;
  for (const other of [line.replace(':', ': '), `${line} `, line.replace('Patient', '\\u0050atient'), `${line}\r`])
    expect(kinds(await verify(joined(lines.with(7, other))))).toEqual(['edited']);
});
