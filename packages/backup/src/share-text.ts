/**
 * Shares as people keep them:
 *
 *     text   fieldseal-share:1:<base64url of the share>, which the QR code holds too
 *     words  two lines of BIP-39 words, which have a checksum each: bytes 1 to 32 of the share are 24 words, bytes 33 to 60 are 21
 *
 * A share has 61 bytes, which no list of words has; the first byte is the version, which is 1 and needs no words.
 *
 * @module
 */
import { FieldsealError, SecretBytes } from '@fieldseal/core';
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { readLabel, SHARE_BYTES } from './shares.ts';

const PREFIX = 'fieldseal-share:1:';
const TEXT = /fieldseal-share:1:([A-Za-z0-9_-]{82})(?![A-Za-z0-9_-])/;
const VERSION = 1;
const FIRST_BYTES = 32;
const [FIRST_WORDS, SECOND_WORDS] = [24, 21];

/** The text of a share, which is as secret as the share. */
export function formatShare(share: SecretBytes): string {
  return PREFIX + Buffer.from(share.expose()).toString('base64url');
}

/** The words of a share: a line of 24 and one of 21. */
export function shareWords(share: SecretBytes): readonly [string, string] {
  const bytes = share.expose().subarray(1);
  return [
    entropyToMnemonic(bytes.subarray(0, FIRST_BYTES), wordlist),
    entropyToMnemonic(bytes.subarray(FIRST_BYTES), wordlist),
  ];
}

/**
 * Reads a share from whatever holds one: its text alone, the sheet of its holder, or its 45 words.
 *
 * @throws ERR_SHARE when there is none in it, or a word is wrong
 */
export function parseShare(text: string): SecretBytes {
  const [, found] = TEXT.exec(text) ?? [];
  const bytes = found === undefined ? fromWords(text) : Buffer.from(found, 'base64url');
  if (bytes.length !== SHARE_BYTES || (found !== undefined && bytes.toString('base64url') !== found))
    throw unreadable('the text holds no share');
  const share = SecretBytes.copy(bytes);
  bytes.fill(0);
  try {
    readLabel(share);
    return share;
  } catch (error) {
    share.wipe();
    throw error;
  }
}

function fromWords(text: string): Buffer {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? [];
  if (words.length !== FIRST_WORDS + SECOND_WORDS)
    throw unreadable(`a share is a text, or ${FIRST_WORDS} and ${SECOND_WORDS} words`);
  const blocks = [words.slice(0, FIRST_WORDS), words.slice(FIRST_WORDS)].map((block, at) => {
    try {
      return mnemonicToEntropy(block.join(' '), wordlist);
    } catch {
      throw unreadable(`a word of the ${at === 0 ? 'first' : 'second'} line is wrong`); // the package's message quotes words
    }
  });
  const bytes = Buffer.concat([Buffer.of(VERSION), ...blocks]);
  for (const block of blocks) block.fill(0);
  return bytes;
}

function unreadable(message: string): FieldsealError {
  return new FieldsealError('ERR_SHARE', message);
}
