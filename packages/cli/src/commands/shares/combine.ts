import { combineShares, shareIdentity, shareOpener } from '@fieldseal/backup';
import { formatRawKey, generateRawKey, openKeyring, rawKey, type SlotOpener } from '@fieldseal/core';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { appendVariable } from '../../env-file.ts';
import { table } from '../../table.ts';
import { keyringOf } from '../backup/request.ts';
import { RESTORE_OPTIONS, restoreNamed } from '../backup/restore.ts';
import { checkSet, HOLDER_OPTIONS, SET_OPTIONS, setOf, sharesOf } from './request.ts';

/** `fieldseal shares combine` */
export const sharesCombine: Command = {
  name: 'shares combine',
  summary: 'restore a backup, or give the keyring a new key, by shares alone',
  details: [
    'Reads shares from --shares, or from standard input, one a line: as many as the set needs, and more if one may be wrong. What they give is used and\n' +
      'wiped, and never shown. --backup restores as `backup restore` does, with its options; --new-key adds a key for the application to the keyring.',
  ],
  positionals: [],
  options: {
    ...SET_OPTIONS,
    shares: { value: 'files', help: 'files with shares, commas between them; standard input by default' },
    ...HOLDER_OPTIONS,
    backup: { value: 'backup', help: 'restore this backup, or latest' },
    ...RESTORE_OPTIONS,
    'new-key': { help: 'add a new raw key to the keyring, which is shown once' },
    'save-key': { value: 'env file', help: 'file that the new key is appended to, instead of being shown' },
  },
  audit: 'command',
  run: combine,
};

async function combine(input: CommandInput): Promise<Report> {
  const { options } = input;
  const { backup } = options;
  const wantsKey = 'new-key' in options || options['save-key'] !== undefined;
  if (backup === undefined && !wantsKey) throw usage(sharesCombine, 'what is wanted is --backup, --new-key or both');
  if (backup !== undefined && wantsKey && !('apply' in options))
    throw usage(sharesCombine, 'a new key for a keyring that is being restored needs --apply');
  const { set } = await setOf(sharesCombine, input);
  await checkSet(input, set, true);
  const shares = await sharesOf(input, 'shares');
  try {
    const secret = await combineShares(shares, set);
    try {
      const opener = shareOpener(secret);
      const access = { identities: [shareIdentity(secret)], openers: [opener] };
      const restored = backup === undefined ? null : await restoreNamed(sharesCombine, input, backup, access);
      const key = wantsKey ? await newKey(input, opener) : null;
      return {
        lines: [...(restored?.lines ?? []), ...(key?.lines ?? [])],
        json: { setId: set.setId, restored: restored?.json ?? null, key: key?.json ?? null },
      };
    } finally {
      secret.wipe();
    }
  } finally {
    for (const share of shares) share.wipe();
  }
}

/** Adds a raw key to the keyring, which the shares open and prove to be recoverable. */
async function newKey(input: CommandInput, opener: SlotOpener): Promise<Report> {
  const { path, storage } = keyringOf(input);
  const secret = generateRawKey();
  const text = formatRawKey(secret);
  const envFile = input.options['save-key'];
  const appended = envFile === undefined ? undefined : await appendVariable(envFile, 'FIELDSEAL_KEY', text);
  try {
    const keyring = await openKeyring({ storage, openers: [opener] });
    const slot = await keyring.addSlot(rawKey(secret), opener).finally(() => keyring.close());
    return {
      lines: [
        ...table([
          ['keyring', `${path}, slot ${slot}`],
          ['key', envFile === undefined ? text : `written to ${envFile} as FIELDSEAL_KEY`],
        ]),
        'Remove the slots of keys that are lost, and split new shares if any was shown to others.',
      ],
      json: { slot, ...(envFile === undefined ? { value: text } : { envFile }) },
    };
  } catch (error) {
    await appended?.undo();
    throw error;
  } finally {
    secret.wipe();
  }
}
