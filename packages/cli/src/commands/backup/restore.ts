import { type Restoration, restoreBackup } from '@fieldseal/backup';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import {
  backupNamed,
  IDENTITY_OPTIONS,
  identitiesOf,
  KEYRING_OPTIONS,
  keyringOf,
  openersOf,
  PLACE_OPTIONS,
  placeOf,
  VERIFY_OPTIONS,
  verifiersOf,
} from './request.ts';

/** `fieldseal backup restore` */
export const backupRestore: Command = {
  name: 'backup restore',
  summary: 'put the keyring of a backup back',
  details: [
    'Shows what would change; --apply does it. It is a union: no key that is there is lost, and statuses of a newer state stay, unless --allow-rollback\n' +
      'says that the older state is meant. FIELDSEAL_KEY, FIELDSEAL_PASSPHRASE or FIELDSEAL_RECOVERY_KEY opens the keyring.',
  ],
  positionals: ['backup, or latest'],
  options: {
    ...PLACE_OPTIONS,
    ...IDENTITY_OPTIONS,
    ...KEYRING_OPTIONS,
    ...VERIFY_OPTIONS,
    apply: { help: 'write; without it nothing is changed' },
    'allow-rollback': { help: 'let statuses of an older keyring replace newer ones' },
  },
  run: restore,
};

async function restore(input: CommandInput): Promise<Report> {
  const { target } = placeOf(input);
  const { path, storage } = keyringOf(input);
  const restoration = await restoreBackup({
    target,
    name: await backupNamed(target, input.positionals[0] as string),
    keys: await verifiersOf(input),
    identities: await identitiesOf(input),
    openers: openersOf(input),
    keyring: storage,
    apply: 'apply' in input.options,
    allowRollback: 'allow-rollback' in input.options,
  });
  return report(path, restoration);
}

const ACTIONS = {
  create: ['would be created', 'was created'],
  merge: ['would be changed', 'was changed'],
  none: ['lacks nothing', 'lacks nothing'],
} as const;

function report(path: string, { applied, keyring, manifest }: Restoration): Report {
  const action = keyring?.action ?? 'none';
  return {
    lines: [
      ...table([
        ['keyring', `${path} ${ACTIONS[action][applied ? 1 : 0]}`],
        ['backup of', manifest.created],
        ['generation', String(keyring?.generation ?? '')],
        ['keys that come back', keyring?.added.length === 0 ? 'none' : (keyring?.added.join(', ') ?? '')],
      ]),
      ...(applied || action === 'none' ? [] : ['', 'Nothing was written. Add --apply to do it.']),
    ],
    json: { keyring: path, applied, backup: { sequence: manifest.sequence, created: manifest.created }, ...keyring },
  };
}
