import { combineShares, shareIdentity, shareOpener } from '@fieldseal/backup';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { RESTORE_OPTIONS, restoreNamed } from '../backup/restore.ts';
import { addNewKey } from '../new-key.ts';
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
      const key = wantsKey ? await addNewKey(input, [opener], opener) : null;
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
