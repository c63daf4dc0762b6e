import { activateShares, parseShareSet, type ShareSetFile } from '@fieldseal/backup';
import { openKeyring } from '@fieldseal/core';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { fileText, KEYRING_OPTIONS, keyringOf, signerOf } from '../backup/request.ts';
import { changeOpeners } from '../tpm/request.ts';
import { checkSet, SET_OPTIONS, setOf, storeSet } from './request.ts';

/** `fieldseal shares activate` */
export const sharesActivate: Command = {
  name: 'shares activate',
  summary: 'make a set of shares the one that counts, once every holder has proved a share',
  details: [
    'Reads proofs, one a line, from --proofs or standard input. With --replaces, the slot of an older set is taken out of the keyring: its shares open nothing\n' +
      'that is made from then on. Backups that were made for it stay open to it.',
  ],
  positionals: [],
  options: {
    ...SET_OPTIONS,
    proofs: { value: 'file', help: 'proofs of all holders, one a line; standard input by default' },
    replaces: { value: 'file', help: 'the older set, whose slot is removed' },
    'allow-unsigned': { help: 'take a set that is from before sets were signed: look into it first' },
    ...KEYRING_OPTIONS,
  },
  audit: 'command',
  run: activate,
};

async function activate(input: CommandInput): Promise<Report> {
  const { path, set } = await setOf(sharesActivate, input);
  const { proofs, replaces } = input.options;
  const text = proofs === undefined ? await input.io.stdin() : await fileText(proofs);
  const [signer, unsigned] = [signerOf(input), 'allow-unsigned' in input.options];
  await checkSet(input, set, unsigned);
  const active = activateShares(set, text.match(/\b[0-9a-f]{64}\b/g) ?? []);
  const older = replaces === undefined ? null : parseShareSet(await fileText(replaces));
  if (older?.setId === set.setId) throw usage(sharesActivate, 'a set does not replace itself');
  if (older !== null) await checkSet(input, older, unsigned);
  await storeSet(path, active, signer);
  if (older !== null) await removeOlder(input, active, older);
  return {
    lines: table([
      ['set', set.setId],
      ['active since', active.active ?? ''],
      ...(older === null ? [] : [['removed', `slot ${older.slot ?? ''} of set ${older.setId}`]]),
    ]),
    json: { setId: set.setId, active: active.active, removed: older?.slot ?? null },
  };
}

/** Removes the slot of the older set, if that of the newer one is in the same keyring. */
async function removeOlder(input: CommandInput, { slot }: ShareSetFile, older: ShareSetFile): Promise<void> {
  const { path, storage } = keyringOf(input);
  const keyring = await openKeyring({ storage, openers: changeOpeners(input.env) });
  try {
    const { slots } = await keyring.describe([]); // keys may lie in a key store
    if (!slots.some(({ id }) => id === slot))
      throw usage(sharesActivate, `the set does not open the keyring at ${path}, so nothing of it is removed`);
    if (older.slot !== null) await keyring.removeSlot(older.slot);
  } finally {
    keyring.close();
  }
}
