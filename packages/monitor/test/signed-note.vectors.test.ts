import { SecretBytes } from '@fieldseal/core';
import { expect, test } from 'vitest';
import { checkpointText, readCheckpoint } from '../src/audit/checkpoint.ts';
import { formatNoteSigner, noteSigner, parseNoteSigner, parseNoteVerifier } from '../src/audit/signed-note.ts';

/** The example of golang.org/x/mod/sumdb/note. */
const PRIVATE = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const PUBLIC = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const NOTE =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
const TEXT = NOTE.slice(0, NOTE.indexOf('\n\n') + 1);

test('keys, ids and signatures are those of the note package of Go', () => {
  const signer = parseNoteSigner(PRIVATE);
  expect(signer.verifier.text).toBe(PUBLIC);
  expect(signer.sign(TEXT)).toBe(NOTE);
  expect(parseNoteVerifier(PUBLIC).verifies(NOTE)).toBe(true);
});

test('signatures of others beside it are ignored', () => {
  const other = noteSigner('other.example', SecretBytes.random(32));
  const line = other.sign(TEXT).slice(TEXT.length + 1);
  expect(parseNoteVerifier(PUBLIC).verifies(`${TEXT}\n${line}${NOTE.slice(TEXT.length + 1)}`)).toBe(true);
  expect(parseNoteVerifier(PUBLIC).verifies(`${TEXT}\n${line}`)).toBe(false);
});

const wrong: Record<string, string> = {
  'another text': NOTE.replace('answer', 'Answer'),
  'a changed signature': NOTE.replace('x08go/ZJ', 'x08go/ZK'),
  'another name': NOTE.replace('— PeterNeumann', '— PaulNeumann'),
  'another key id': NOTE.replace('x08go', 'y08go'),
  'no signature': `${TEXT}\n`,
  'no empty line': NOTE.replace('\n\n', '\n'),
  'no line feed at the end': NOTE.trimEnd(),
  'a cut signature': NOTE.replace('yBwJnAM=', ''),
  nothing: '',
};
test.each(Object.entries(wrong))('a note with %s does not verify', (_, note) => {
  expect(parseNoteVerifier(PUBLIC).verifies(note)).toBe(false);
});

test.each([
  '',
  PUBLIC,
  PRIVATE.replace('c74f20a3', 'c74f20a4'),
  PRIVATE.replace('Peter', 'Paul'),
  PRIVATE.slice(0, -1),
  PRIVATE.replace('+AYEK', '+BYEK'),
])('%j is no private key', (text) => {
  expect(() => parseNoteSigner(text)).toThrow(expect.objectContaining({ code: 'ERR_KEY_INVALID' }));
});

test.each(['', PRIVATE, PUBLIC.replace('c74f', 'c74e'), PUBLIC.replace('+ARpc', '+ARpd'), `${PUBLIC}A`])(
  '%j is no public key',
  (text) => {
    expect(() => parseNoteVerifier(text)).toThrow(expect.objectContaining({ code: 'ERR_KEY_INVALID' }));
  },
);

test('a key that is written is read again; names with white space are refused', () => {
  const seed = SecretBytes.random(32);
  const text = formatNoteSigner('audit.example/log', seed);
  expect(parseNoteSigner(text).verifier.text).toBe(noteSigner('audit.example/log', seed).verifier.text);
  expect(() => noteSigner('two words', seed)).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  expect(() => noteSigner('x', SecretBytes.random(31))).toThrow(expect.objectContaining({ code: 'ERR_KEY_INVALID' }));
});

test('a checkpoint is three lines, and nothing else is one', () => {
  const checkpoint = { origin: 'audit.example/log', size: 12, root: Buffer.alloc(32, 7) };
  const text = checkpointText(checkpoint);
  expect(text).toBe('audit.example/log\n12\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n');
  const sign = (body: string): string => noteSigner('audit.example/log', SecretBytes.random(32)).sign(body);
  expect(readCheckpoint(sign(text))).toEqual(checkpoint);
  expect(readCheckpoint(sign(`${text}an extension\n`))).toEqual(checkpoint);
  for (const body of [text.replace('12', '012'), text.replace('12', '-1'), text.replace('=', ''), text.slice(18), '\n'])
    expect(readCheckpoint(sign(body))).toBeNull();
  expect(readCheckpoint(text)).toBeNull();
});
