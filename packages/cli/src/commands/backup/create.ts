import { createBackup } from '@fieldseal/backup';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import {
  fileText,
  IDENTITY_OPTIONS,
  identitiesOf,
  KEYRING_OPTIONS,
  keyringOf,
  PLACE_OPTIONS,
  placeOf,
  signerOf,
} from './request.ts';

/** `fieldseal backup create` */
export const backupCreate: Command = {
  name: 'backup create',
  summary: 'make a backup of the keyring, encrypted for its recipients and signed',
  details: [
    'The keyring is not opened: its keys stay wrapped in the archive too. The backup is read back and verified before it is signed, and what is not\n' +
      'signed is no backup. FIELDSEAL_BACKUP_KEY signs (`fieldseal backup key`).',
    'With --identity the archive is opened once as a proof. It is better kept away from this machine, and used by `fieldseal backup drill`.',
  ],
  positionals: [],
  options: {
    ...PLACE_OPTIONS,
    recipient: { value: 'age1…', help: 'who can open it; several are separated by commas' },
    'recipients-file': { value: 'file', help: 'recipients, one a line; # begins a comment' },
    ...KEYRING_OPTIONS,
    ...IDENTITY_OPTIONS,
    pq: { value: 'policy', help: 'post-quantum recipients: off by default', choices: ['off', 'prefer', 'require'] },
  },
  run: create,
};

async function create(input: CommandInput): Promise<Report> {
  const { options } = input;
  const recipients = [...(options['recipient']?.split(',') ?? []), ...(await recipientsOf(options['recipients-file']))];
  if (recipients.length === 0) throw usage(backupCreate, 'a backup needs --recipient or --recipients-file');
  const [drillIdentity] = await identitiesOf(input);
  const { path, storage } = keyringOf(input);
  const { target } = placeOf(input);
  const { name, claim, bytes, opened } = await createBackup({
    target,
    keyring: storage,
    recipients,
    signer: signerOf(input),
    pq: (options['pq'] ?? 'off') as 'off' | 'prefer' | 'require',
    ...(drillIdentity !== undefined && { drillIdentity }),
  });
  return {
    lines: table([
      ['backup', name],
      ['place', target.label],
      ['keyring', `${path}, generation ${claim.generation}`],
      ['bytes', String(bytes)],
      ['recipients', String(recipients.length)],
      ['proved', opened === null ? 'signature and digest' : 'signature, digest, and opened'],
    ]),
    json: { name, place: target.label, bytes, recipients: recipients.length, opened: opened !== null, ...claim },
  };
}

async function recipientsOf(path: string | undefined): Promise<readonly string[]> {
  if (path === undefined) return [];
  const lines = (await fileText(path)).split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}
