import {
  createKeyring,
  type Environment,
  environmentVaultKek,
  FieldsealError,
  formatRawKey,
  formatRecoveryKey,
  generateRawKey,
  type KeyWrapper,
  keyringFile,
  keyringPath,
  passphrase,
  rawKey,
  type SlotOpener,
  SUITES,
  type SuiteId,
  XAES_256_GCM,
  XCHACHA20_POLY1305,
} from '@fieldseal/core';
import { environmentKek } from '@fieldseal/core/kek';
import type { Command, CommandInput, Report } from '../command.ts';
import { type Appended, appendVariable } from '../env-file.ts';
import { table } from '../table.ts';
import { KEY_STORE_OPTIONS, withKeyStore } from './keys/request.ts';
import { SAVE_KEY_OPTION } from './new-key.ts';

/** Names of the suites on the command line. */
const SUITE_NAMES: Readonly<Record<string, SuiteId>> = {
  'xchacha20-poly1305': XCHACHA20_POLY1305,
  'xaes-256-gcm': XAES_256_GCM,
};

/** KEKs outside the keyring that the command line knows. Others need their clients: createKeyring takes them. */
const KEKS: Readonly<Record<string, (env: Environment) => KeyWrapper>> = {
  env: environmentKek,
  vault: environmentVaultKek,
};

/** Where the key of a new keyring comes from, and where it is kept. */
interface KeyChoice {
  readonly opener: SlotOpener;
  readonly source: 'FIELDSEAL_KEY' | 'FIELDSEAL_PASSPHRASE' | 'generated';
  /** The text of a generated key. Secret. */
  readonly text?: string;
}

/** `fieldseal init` */
export const init: Command = {
  name: 'init',
  summary: 'create a keyring',
  details: [
    'Creates a keyring with one data key and shows its recovery key, once. A keyring that exists is never overwritten.',
    'FIELDSEAL_KEY opens the new keyring if it is set, else FIELDSEAL_PASSPHRASE. If neither is, a key is generated: with --save-key it is\n' +
      'appended to that file as FIELDSEAL_KEY, otherwise it is shown once. No secret is taken from the command line.',
  ],
  positionals: [],
  options: {
    keyring: { value: 'path', help: 'where to create it; FIELDSEAL_KEYRING or ./fieldseal.keyring.json by default' },
    suite: { value: 'suite', help: 'cipher of the keys; the first by default', choices: Object.keys(SUITE_NAMES) },
    kek: {
      value: 'kek',
      help: 'KEK outside the keyring: FIELDSEAL_KEK, or in Vault by FIELDSEAL_VAULT_KEY (docs/kms.md)',
      choices: Object.keys(KEKS),
    },
    ...SAVE_KEY_OPTION,
    ...KEY_STORE_OPTIONS,
  },
  audit: 'command',
  run: createNew,
};

async function createNew(input: CommandInput): Promise<Report> {
  const { options, env } = input;
  const path = options['keyring'] ?? keyringPath(env);
  const suite = SUITE_NAMES[options['suite'] ?? ''] ?? XCHACHA20_POLY1305;
  const storage = keyringFile(path);
  // Asked first, so that a keyring that is there costs no key and touches no file.
  if ((await storage.read()) !== null)
    throw new FieldsealError('ERR_KEYRING_EXISTS', `there is a keyring at ${path} already`);
  const kek = options['kek'] === undefined ? undefined : KEKS[options['kek']]?.(env);
  const key = chooseKey(env);
  const envFile = key.text === undefined ? undefined : options['save-key'];
  // The key is kept before anything depends on it.
  const appended = envFile === undefined ? undefined : await appendVariable(envFile, 'FIELDSEAL_KEY', key.text ?? '');
  const { keyring, recovery } = await withKeyStore(init, input, (keyStore) =>
    createKeyring({ storage, openers: [key.opener], suite, ...keyStore, ...(kek !== undefined && { kek }) }),
  ).catch(async (error: unknown) => {
    await appended?.undo();
    throw error;
  });
  const recoveryText = formatRecoveryKey(recovery);
  recovery.wipe();
  keyring.close();
  return report({
    path,
    id: keyring.id,
    suite,
    kek: kek?.id,
    key,
    envFile,
    appended,
    recoveryText,
    isDefault: path === keyringPath(env),
  });
}

function chooseKey(env: Environment): KeyChoice {
  if (env['FIELDSEAL_KEY']) return { opener: rawKey(env['FIELDSEAL_KEY']), source: 'FIELDSEAL_KEY' };
  if (env['FIELDSEAL_PASSPHRASE'])
    return { opener: passphrase(env['FIELDSEAL_PASSPHRASE']), source: 'FIELDSEAL_PASSPHRASE' };
  const generated = generateRawKey();
  const text = formatRawKey(generated);
  return { opener: rawKey(generated), source: 'generated', text };
}

interface Created {
  readonly path: string;
  readonly id: string;
  readonly suite: SuiteId;
  /** Id of the KEK outside the keyring. */
  readonly kek: string | undefined;
  readonly key: KeyChoice;
  readonly envFile: string | undefined;
  readonly appended: Appended | undefined;
  readonly recoveryText: string;
  readonly isDefault: boolean;
}

function report({ path, id, suite, kek, key, envFile, appended, recoveryText, isDefault }: Created): Report {
  const shown = key.text !== undefined && envFile === undefined ? key.text : undefined;
  const place = shown ?? (envFile === undefined ? `from ${key.source}` : `written to ${envFile} as FIELDSEAL_KEY`);
  const lines = [
    ...table([
      ['keyring', path],
      ['id', id],
      ['suite', SUITES[suite].name],
      ...(kek === undefined ? [] : [['kek', `${kek}, outside the keyring`]]),
      ['key', place],
      ['recovery key', recoveryText],
    ]),
    '',
    ...(shown === undefined
      ? []
      : [
          'Give the key to the application as FIELDSEAL_KEY, from a secret manager if there is one. It is not shown again.',
        ]),
    ...(envFile === undefined
      ? []
      : [
          `Load the key from ${envFile}, as by \`node --env-file=${envFile}\`, and keep the file out of version control.`,
        ]),
    ...(isDefault ? [] : ['Set FIELDSEAL_KEYRING to this path for the application.']),
    'Write the recovery key down and keep it away from this machine. It opens the keyring when the key is lost, and is not shown again.',
    ...(kek === undefined
      ? []
      : [
          'The recovery key does not stand in for the KEK: if that is lost, so is the data. Applications need it in their environment.',
        ]),
    'Back up the keyring: without it the encrypted data is lost, whatever keys are kept.',
  ];
  const warnings =
    appended?.exposed === true ? [`${envFile} can be opened by other users of this machine: chmod 600 it`] : [];
  const json = {
    keyring: { path, id, suite: SUITES[suite].name, ...(kek !== undefined && { kek }) },
    key: {
      source: key.source,
      ...(envFile !== undefined && { envFile }),
      ...(shown !== undefined && { value: shown }),
    },
    recoveryKey: recoveryText,
  };
  return { lines, json, warnings };
}
