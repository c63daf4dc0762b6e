import {
  type Cell,
  decodeCell,
  FieldsealError,
  isFieldsealError,
  NONCE_BYTES,
  SUITES,
  TAG_BYTES,
  TEXT_PREFIX,
} from '@fieldseal/core';
import type { Command, Report } from '../command.ts';
import { table } from '../table.ts';

/** `fieldseal inspect` */
export const inspect: Command = {
  name: 'inspect',
  summary: 'show what a stored cell tells without any key',
  details: [
    'Takes a cell as a String or Json column holds it (fs1:…), or the hexadecimal digits of a Bytes column, with or without \\x or 0x before\n' +
      'them. A single - reads it from standard input. Nothing is decrypted and no keyring is needed.',
    'Ends with 1 for what is no cell, and for a cell in another spelling than the one that Fieldseal writes, which it would refuse to read.',
  ],
  positionals: ['cell'],
  options: {},
  audit: 'none',
  run: async ({ positionals: [given = ''], io }) => {
    const text = (given === '-' ? await io.stdin() : given).trim();
    return text.startsWith(TEXT_PREFIX) ? textReport(text) : report('bytes', decodeCell(fromHex(text)), true);
  },
};

function textReport(text: string): Report {
  try {
    return report('text', decodeCell(text), true);
  } catch (error) {
    const respelled = respell(text);
    if (!isFieldsealError(error, 'ERR_CELL_FORMAT') || respelled === null) throw error;
    return report('text', decodeCell(respelled), false);
  }
}

/** The bytes behind other spellings of base64; null when there are none. */
function respell(text: string): Uint8Array | null {
  const digits = text
    .slice(TEXT_PREFIX.length)
    .replace(/\s/g, '')
    .replace(/=+$/, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_');
  return /^[A-Za-z0-9_-]+$/.test(digits) ? new Uint8Array(Buffer.from(digits, 'base64url')) : null;
}

/** Bytes of a hexadecimal cell, as psql and the sqlite3 shell print them. */
function fromHex(text: string): Uint8Array {
  const digits = text.replace(/^(?:\\x|0x)/i, '');
  if (digits !== '' && digits.length % 2 === 0 && /^[0-9a-f]+$/i.test(digits))
    return new Uint8Array(Buffer.from(digits, 'hex'));
  throw new FieldsealError(
    'ERR_CELL_FORMAT',
    `this is no cell: it starts with neither ${TEXT_PREFIX} nor hexadecimal digits`,
  );
}

function report(form: 'text' | 'bytes', { suite, keyId, sealed }: Cell, canonical: boolean): Report {
  const ciphertext = sealed.length - TAG_BYTES;
  // One byte of the plaintext is its type tag.
  const value = ciphertext - 1;
  const lines = table([
    ['format', `version 1, ${form}`],
    ['suite', SUITES[suite].name],
    ['key id', keyId],
    ['nonce', `${NONCE_BYTES} bytes`],
    ['ciphertext', `${ciphertext} bytes, and a tag of ${TAG_BYTES}`],
    ['value', `at most ${value} bytes; fewer if the field is padded`],
    ['canonical', canonical ? 'yes' : 'no: Fieldseal refuses to read this spelling'],
  ]);
  const json = {
    format: 1,
    form,
    suite: SUITES[suite].name,
    keyId,
    nonceBytes: NONCE_BYTES,
    ciphertextBytes: ciphertext,
    tagBytes: TAG_BYTES,
    maxValueBytes: value,
    canonical,
  };
  return { lines, json, exitCode: canonical ? 0 : 1 };
}
