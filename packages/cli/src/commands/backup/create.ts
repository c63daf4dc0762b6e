import { type BackupSource, createBackup, keyStoreSource, rowSource } from '@fieldseal/backup';
import { parseInlineSchema } from '@fieldseal/prisma/internal';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { Progress } from '../../doctor/progress.ts';
import { table } from '../../table.ts';
import { KEY_STORE_OPTIONS, withKeyStore } from '../keys/request.ts';
import {
  fileText,
  IDENTITY_OPTIONS,
  identitiesOf,
  KEYRING_OPTIONS,
  keyringOf,
  namesOf,
  PLACE_OPTIONS,
  placeOf,
  ROW_OPTIONS,
  signerOf,
  verifiersOf,
  withRows,
} from './request.ts';

/** `fieldseal backup create` */
export const backupCreate: Command = {
  name: 'backup create',
  summary: 'make a backup of the keyring and of rows, encrypted for its recipients and signed',
  details: [
    'The keyring is not opened: its keys stay wrapped in the archive too. The backup is read back and verified before it is signed, and what is not\n' +
      'signed is no backup. FIELDSEAL_BACKUP_KEY signs (`fieldseal backup key`).',
    'With --rows the rows of the database go into it as they are stored: cells stay cells. With --key-store or --key-store-url-env, so do the keys of a key store.',
    'With --identity the archive is opened once as a proof. It is better kept away from this machine, and used by `fieldseal backup drill`.',
  ],
  positionals: [],
  options: {
    ...PLACE_OPTIONS,
    recipient: { value: 'age1…', help: 'who can open it; several are separated by commas' },
    'recipients-file': { value: 'file', help: 'recipients, one a line; # begins a comment' },
    ...KEYRING_OPTIONS,
    ...KEY_STORE_OPTIONS,
    'public-key': {
      value: 'files',
      help: 'minisign public keys that signed earlier backups here, with commas between them, besides that of FIELDSEAL_BACKUP_KEY',
    },
    ...ROW_OPTIONS,
    models: { value: 'names', help: 'whose rows, in this order; by default all models with encrypted fields' },
    ...IDENTITY_OPTIONS,
    pq: { value: 'policy', help: 'post-quantum recipients: off by default', choices: ['off', 'prefer', 'require'] },
  },
  audit: 'command',
  run: create,
};

/** Makes a backup, as the options say. */
export async function create(input: CommandInput): Promise<Report> {
  const { options } = input;
  const recipients = await recipientsIn(input);
  const warnings: string[] = [];
  const [drillIdentity] = await identitiesOf(input);
  const { path, storage } = keyringOf(input);
  const { target } = placeOf(input);
  const progress = new Progress(input.io);
  const earlier = options['public-key'] === undefined ? [] : await verifiersOf(input);
  const make = (sources: readonly BackupSource[]) =>
    createBackup({
      target,
      keyring: storage,
      sources,
      recipients,
      signer: signerOf(input),
      pq: (options['pq'] ?? 'off') as 'off' | 'prefer' | 'require',
      ...(options['public-key'] !== undefined && { earlier }),
      ...(drillIdentity !== undefined && { drillIdentity }),
      onProgress: ({ entries, bytes }) => progress.step(`${entries} entries, ${Math.round(bytes / 2 ** 20)} MiB`),
    }).finally(() => progress.end());
  const { name, claim, bytes, opened } = await withKeyStore(backupCreate, input, ({ keyStore }) => {
    const keys = keyStore === undefined ? [] : [keyStoreSource(keyStore)];
    const models = namesOf(options['models']);
    if (!('rows' in options)) return make(keys);
    return withRows(input, models, (rows, schema) => {
      warnings.push(...missingTargets(schema, rows.models));
      return make([...keys, rowSource(rows)]);
    });
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
    warnings,
    json: { name, place: target.label, bytes, recipients: recipients.length, opened: opened !== null, ...claim },
  };
}

/** Whom the backup is for. Throws ERR_USAGE without anybody, ERR_FILE_IO. */
export async function recipientsIn({ options }: CommandInput): Promise<readonly string[]> {
  const recipients = [...(options['recipient']?.split(',') ?? []), ...(await recipientsOf(options['recipients-file']))];
  if (recipients.length === 0) throw usage(backupCreate, 'a backup needs --recipient or --recipients-file');
  return recipients;
}

/** Models that rows in the backup point to and that are not in it: without their rows those do not come back into an empty database. */
function missingTargets(schema: string, held: readonly string[]): string[] {
  const { models } = parseInlineSchema(schema);
  return models
    .filter(({ name }) => held.includes(name))
    .flatMap(({ name, fields }) =>
      fields
        .filter(({ relationFrom, type }) => relationFrom.length > 0 && !held.includes(type))
        .map(
          ({ type }) =>
            `${name} points to ${type}, which is not in the backup: its rows have to be there before they are restored. Take them along by --models`,
        ),
    );
}

async function recipientsOf(path: string | undefined): Promise<readonly string[]> {
  if (path === undefined) return [];
  const lines = (await fileText(path)).split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}
