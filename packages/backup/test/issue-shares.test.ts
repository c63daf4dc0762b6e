import {
  createKeyring,
  generateRawKey,
  keyringMemory,
  openKeyring,
  rawKey,
  recoveryKey,
  SecretBytes,
} from '@fieldseal/core';
import { newCanary } from '@fieldseal/testkit';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  activateShares,
  combineShares,
  formatShare,
  formatShareSet,
  type Holder,
  issueShares,
  openText,
  parseShare,
  parseShareSet,
  provenShare,
  shareIdentity,
  shareOpener,
  shareWords,
  splitSecret,
} from '../src/index.ts';
import { code } from './sandbox.ts';

const identities: string[] = [];
const holders: Holder[] = [];
let issued: Awaited<ReturnType<typeof issueShares>>;
let pages: string[];
let shares: SecretBytes[];
let proofs: string[];

beforeAll(async () => {
  for (const name of ['Ada', 'Böb Smith', 'Eve']) {
    const identity = await generateX25519Identity();
    identities.push(identity);
    holders.push({ name, recipient: await identityToRecipient(identity) });
  }
  issued = await issueShares(2, holders);
  pages = await Promise.all(issued.sealed.map(({ content }, at) => openText(content, [identities[at] as string])));
  shares = pages.map(parseShare);
  proofs = shares.map((share) => provenShare(share, issued.set).proof);
});

const hexOf = (secret: SecretBytes) => Buffer.from(secret.expose()).toString('hex');

it('every holder opens the own page, and nobody another one', async () => {
  for (const [at, { content }] of issued.sealed.entries())
    for (const [other, identity] of identities.entries())
      if (other !== at) await expect(openText(content, [identity])).rejects.toEqual(code('ERR_BACKUP_LOCKED'));
  expect(pages[1]).toContain('Böb Smith');
  for (const page of pages) {
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/src=|href=|<script/);
  }
});

it('two shares give the secret that opens the slot and the recipient of the set', async () => {
  const secret = await combineShares(shares.slice(1), issued.set);
  expect(await identityToRecipient(shareIdentity(secret))).toBe(issued.set.recipient);
  const storage = keyringMemory();
  const { keyring, recovery } = await createKeyring({ storage, openers: [rawKey(generateRawKey())] });
  const slot = await keyring.addSlot(issued.opener, recoveryKey(recovery));
  keyring.close();
  const opened = await openKeyring({ storage, openers: [shareOpener(secret)] });
  expect((await opened.describe()).slots.map(({ id }) => id)).toContain(slot);
  await opened.addSlot(rawKey(generateRawKey()), shareOpener(secret));
  opened.close();
});

it('a share is the same from its text, its words, words with their numbers, and the page', () => {
  const share = shares[0] as SecretBytes;
  const [first, second] = shareWords(share);
  expect([first.split(' '), second.split(' ')].map((words) => words.length)).toEqual([24, 21]);
  for (const text of [
    formatShare(share),
    `${first} ${second}`,
    `${first}\n${second.toUpperCase()}\n`,
    `${first} ${second}`
      .split(' ')
      .map((word, at) => `${at + 1} ${word}`)
      .join('  '),
    `<b>${formatShare(share)}</b>`,
  ])
    expect(hexOf(parseShare(text))).toBe(hexOf(share));
});

describe('refuses', () => {
  it('a text, a word or a number of words that is wrong, without quoting it', () => {
    // Always the same one: of the wrong words in a random line of 21, one in 128 has the right checksum.
    const label = [1, ...Array.from({ length: 8 }, (_, at) => at), 2, 3, 1];
    const share = SecretBytes.copy(Uint8Array.from({ length: 61 }, (_, at) => label[at] ?? (at * 37) % 256));
    expect(hexOf(parseShare(shareWords(share).join(' ')))).toBe(hexOf(share));
    const text = formatShare(share);
    const words = shareWords(share).join(' ').split(' ');
    const changed = words.map((word, at) => (at === 30 ? (word === 'zoo' ? 'zone' : 'zoo') : word));
    const canary = newCanary('word').replaceAll(/\d/g, 'x');
    const misspelt = words.map((word, at) => (at === 3 ? canary : word));
    for (const wrong of [
      '',
      text.slice(0, -1),
      `${text}A`,
      text.replace(':1:', ':2:'),
      words.slice(1).join(' '),
      changed.join(' '),
      misspelt.join(' '),
      `fieldseal-share:1:${'A'.repeat(82)}`,
    ]) {
      let error: unknown;
      try {
        parseShare(wrong);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toEqual(code('ERR_SHARE'));
      expect(String(error)).not.toContain(canary);
    }
  });

  it('a share of another set, and a changed one', async () => {
    const other = await splitSecret(SecretBytes.random(32), 2, 3);
    expect(() => provenShare(other.shares[0] as SecretBytes, issued.set)).toThrow(code('ERR_SHARE'));
    const bytes = Uint8Array.from((shares[0] as SecretBytes).expose());
    bytes[20] = (bytes[20] as number) ^ 1;
    expect(() => provenShare(SecretBytes.take(bytes), issued.set)).toThrow(code('ERR_SHARE'));
  });

  it.each([
    ['one share that opens it alone', 1, () => holders, 'ERR_OPTIONS'],
    ['more shares needed than there are', 4, () => holders, 'ERR_OPTIONS'],
    ['nobody', 2, () => [], 'ERR_BACKUP_RECIPIENT'],
    ['one holder twice', 2, () => [holders[0], holders[0]] as Holder[], 'ERR_BACKUP_RECIPIENT'],
    [
      'a mistyped recipient',
      2,
      () => [{ name: 'a', recipient: 'age1qq' }, holders[0]] as Holder[],
      'ERR_BACKUP_RECIPIENT',
    ],
    ['a name with HTML', 2, () => holders.map((one) => ({ ...one, name: '<b>' })), 'ERR_OPTIONS'],
    ['no name', 2, () => holders.map((one) => ({ ...one, name: '' })), 'ERR_OPTIONS'],
  ])('%s', async (_, threshold, of, wanted) => {
    await expect(issueShares(threshold, of())).rejects.toEqual(code(wanted));
  });
});

describe('a set becomes active', () => {
  const withSlot = () => ({ ...issued.set, slot: 'aslot' });

  it('by the proofs of all holders, in any order, and stays so', () => {
    const active = activateShares(withSlot(), [...proofs].reverse(), new Date(0));
    expect(active.active).toBe('1970-01-01T00:00:00.000Z');
    expect(activateShares(active, proofs).active).toBe(active.active);
    expect(parseShareSet(formatShareSet(active))).toEqual(active);
  });

  it('not without one of them, naming whose is missing', () => {
    expect(() => activateShares(withSlot(), proofs.slice(0, 2))).toThrow(/3 \(Eve\)/);
    expect(() => activateShares(withSlot(), [])).toThrow(code('ERR_SHARES_MISSING'));
    expect(() => activateShares(withSlot(), [proofs[0], proofs[0], proofs[0]] as string[])).toThrow(
      code('ERR_SHARES_MISSING'),
    );
  });

  it('not by what the set file itself holds, nor by anything else', () => {
    const digests = issued.set.holders.map(({ proof }) => proof);
    for (const wrong of [digests, ['00'.repeat(32)], ['']])
      expect(() => activateShares(withSlot(), wrong)).toThrow(code('ERR_SHARE'));
  });

  it('not before its slot is in the keyring', () => {
    expect(() => activateShares(issued.set, proofs)).toThrow(code('ERR_OPTIONS'));
  });

  it.each(['', '{}', '[]', 'null', '{"format":"fieldseal-shares/1"}'])('not from the text %j', (text) => {
    expect(() => parseShareSet(text)).toThrow(code('ERR_SHARE'));
  });

  it('nothing in the set file is a share or the secret', async () => {
    const text = formatShareSet(issued.set);
    const secret = await combineShares(shares.slice(0, 2), issued.set);
    for (const known of [...shares, secret])
      for (const encoding of ['hex', 'base64url'] as const)
        expect(text).not.toContain(Buffer.from(known.expose()).toString(encoding));
    expect(text).not.toContain(shareIdentity(secret));
  });
});
