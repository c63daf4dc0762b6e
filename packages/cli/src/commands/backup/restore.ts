import { type Restoration, type RestoreBackupOptions, type RestoreSelection, restoreBackup } from '@fieldseal/backup';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, CommandOption, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { KEY_STORE_OPTIONS, withKeyStore } from '../keys/request.ts';
import {
  backupNamed,
  IDENTITY_OPTIONS,
  identitiesOf,
  KEYRING_OPTIONS,
  keyringOf,
  namesOf,
  openersOf,
  PLACE_OPTIONS,
  placeOf,
  ROW_OPTIONS,
  VERIFY_OPTIONS,
  verifiersOf,
  withRows,
} from './request.ts';

/** Options of commands that restore a backup. */
export const RESTORE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  ...PLACE_OPTIONS,
  ...KEYRING_OPTIONS,
  ...VERIFY_OPTIONS,
  ...KEY_STORE_OPTIONS,
  ...ROW_OPTIONS,
  model: { value: 'names', help: 'only rows of these models' },
  scope: { value: 'names', help: 'only keys and rows of these scopes' },
  key: { value: 'key ids', help: 'only rows with a cell under one of these keys' },
  'on-conflict': {
    value: 'policy',
    help: 'what happens to a row that is there and differs; fail by default',
    choices: ['fail', 'skip', 'overwrite', 'newer'],
  },
  'newer-by': { value: 'column', help: 'column of the database with the time, for --on-conflict newer' },
  apply: { help: 'write; without it nothing is changed' },
  'allow-rollback': { help: 'let statuses of an older keyring replace newer ones' },
};

/** `fieldseal backup restore` */
export const backupRestore: Command = {
  name: 'backup restore',
  summary: 'put the keyring, keys and rows of a backup back',
  details: [
    'Shows what would change; --apply does it. It is a union: no key that is there is lost, and statuses of a newer state stay, unless --allow-rollback\n' +
      'says that the older state is meant. FIELDSEAL_KEY, FIELDSEAL_PASSPHRASE or FIELDSEAL_RECOVERY_KEY opens the keyring.',
    'With --rows, rows come back too: those that are missing, and by --on-conflict those that differ. --model, --scope and --key choose among them, and nothing\n' +
      'else is touched. --key-store and --key-store-url-env name where the keys of a key store go.',
  ],
  positionals: ['backup, time, or latest'],
  options: { ...RESTORE_OPTIONS, ...IDENTITY_OPTIONS },
  audit: 'command',
  run: restore,
};

async function restore(input: CommandInput): Promise<Report> {
  const keys = { identities: await identitiesOf(input), openers: openersOf(input) };
  return restoreNamed(backupRestore, input, input.positionals[0] as string, keys);
}

/** Restores the backup of a name, or `latest`, as the {@link RESTORE_OPTIONS} say. */
export async function restoreNamed(
  command: Command,
  input: CommandInput,
  backup: string,
  access: Pick<RestoreBackupOptions, 'identities' | 'openers'>,
): Promise<Report> {
  const { options } = input;
  const { target } = placeOf(input);
  const { path, storage } = keyringOf(input);
  const select = selectionOf(input);
  if (Object.keys(select).length > 0 && !('rows' in options))
    throw usage(command, '--model, --scope and --key need --rows');
  const [name, keys] = [await backupNamed(target, backup), await verifiersOf(input)];
  const restored = await withKeyStore(command, input, ({ keyStore }) => {
    const all: RestoreBackupOptions = {
      ...access,
      target,
      name,
      keys,
      keyring: storage,
      select,
      onConflict: (options['on-conflict'] ?? 'fail') as NonNullable<RestoreBackupOptions['onConflict']>,
      apply: 'apply' in options,
      allowRollback: 'allow-rollback' in options,
      ...(keyStore !== undefined && { keyStore }),
      ...(options['newer-by'] !== undefined && { newerBy: options['newer-by'] }),
    };
    if (!('rows' in options)) return restoreBackup(all);
    return withRows(input, select.models ?? 'all', (rows) =>
      restoreBackup({
        ...all,
        rows,
        select: select.models === undefined ? select : { ...select, models: rows.models },
      }),
    );
  });
  return report(path, restored, 'on-conflict' in options);
}

function selectionOf({ options }: CommandInput): RestoreSelection {
  const [models, scopes, keyIds] = [namesOf(options['model']), namesOf(options['scope']), namesOf(options['key'])];
  return {
    ...(models !== undefined && { models }),
    ...(scopes !== undefined && { scopes }),
    ...(keyIds !== undefined && { keyIds }),
  };
}

const ACTIONS = {
  create: ['would be created', 'was created'],
  merge: ['would be changed', 'was changed'],
  none: ['lacks nothing', 'lacks nothing'],
} as const;

function report(path: string, restored: Restoration, settled: boolean): Report {
  const { applied, keyring, keysets, rows, manifest } = restored;
  const action = keyring?.action ?? 'none';
  const changes = [action !== 'none', keysets?.created, keysets?.merged, rows?.inserted, rows?.overwritten].some(
    Boolean,
  );
  const left = leftOut(manifest, keysets === null, rows === null);
  return {
    lines: [
      ...table([
        ['keyring', `${path} ${ACTIONS[action][applied ? 1 : 0]}`],
        ['backup of', manifest.created],
        ['generation', String(keyring?.generation ?? '')],
        ['keys that come back in it', keyring?.added.length === 0 ? 'none' : (keyring?.added.join(', ') ?? '')],
        ...(keysets === null ? [] : [['scopes', countsText(keysets)]]),
        ...(rows === null ? [] : [['rows', countsText(rows)]]),
      ]),
      ...left,
      ...inTheWay(restored, settled),
      ...(applied || !changes ? [] : ['', 'Nothing was written. Add --apply to do it.']),
    ],
    json: {
      keyring: path,
      applied,
      backup: { sequence: manifest.sequence, created: manifest.created },
      ...keyring,
      keysets,
      rows,
      leftOut: left,
    },
  };
}

/** What the backup holds and nobody asked for. */
function leftOut({ entries }: Restoration['manifest'], keysets: boolean, rows: boolean): string[] {
  const held = (folder: string): number =>
    entries.filter(({ name }) => name.startsWith(`${folder}/`)).reduce((sum, { count }) => sum + count, 0);
  const [scopes, stored] = [keysets ? held('keysets') : 0, rows ? held('rows') : 0];
  return [
    ...(scopes === 0
      ? []
      : [
          `The keys of ${scopes} scopes in this backup are left out: name a key store by --key-store or --key-store-url-env.`,
        ]),
    ...(stored === 0 ? [] : [`${stored} rows in this backup are left out: add --rows.`]),
  ];
}

/**
 * What stands in the way of --apply, or was probably mistyped.
 *
 * @param settled - whether it was said what happens to rows that differ
 */
function inTheWay({ applied, rows }: Restoration, settled: boolean): string[] {
  if (rows === null) return [];
  const { skipped, inserted, unchanged } = rows;
  if (skipped > 0 && inserted + unchanged + rows.conflicts === 0)
    return [`None of the ${skipped} rows in this backup was chosen: check --model, --scope and --key.`];
  if (applied || settled || rows.conflicts === 0) return [];
  return [
    `Rows that differ from the backup: ${rows.conflicts}. --apply changes nothing until --on-conflict says what happens to them.`,
  ];
}

/** `3 inserted, 2 kept`: what is none is left out. */
function countsText(counts: object): string {
  const shown = Object.entries(counts as Readonly<Record<string, number>>).filter(([, count]) => count > 0);
  return shown.length === 0 ? 'none' : shown.map(([name, count]) => `${count} ${name}`).join(', ');
}
