/**
 * What the commands about keys have in common: where the keyring and its key store are, and which scope is meant.
 *
 * @module
 */
import {
  APPLICATION_SCOPE,
  environmentOpeners,
  fileKeyStore,
  type Keyring,
  type KeyStore,
  type KeysetRecord,
  keyringFile,
  keyringPath,
  openKeyring,
  type SqlDialect,
  sqlKeyStore,
} from '@fieldseal/core';
import { usage } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, CommandOption } from '../../command.ts';
import { type Adapter, connect } from '../../doctor/adapter.ts';
import { DatabaseProblem } from '../../doctor/database-problem.ts';
import { operatorLog } from '../audit/operator-log.ts';
import { adapterClient } from './adapter-client.ts';

/** Options that name a key store. */
export const KEY_STORE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'key-store': { value: 'path', help: 'file of the key store; by default keys lie in the keyring' },
  'key-store-url-env': {
    value: 'variable',
    help: 'environment variable with the URL of the database that is the key store',
  },
  'key-store-table': { value: 'name', help: 'its table; fieldseal_key by default' },
};

/** Options that say where keys are. */
export const STORE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  keyring: { value: 'path', help: 'the keyring; FIELDSEAL_KEYRING or ./fieldseal.keyring.json by default' },
  ...KEY_STORE_OPTIONS,
};

/** The option that names a scope. */
export const SCOPE_OPTION: Readonly<Record<string, CommandOption>> = {
  scope: { value: 'scope', help: 'scope of the keys; the whole application by default' },
};

/** The option without which nothing is destroyed. */
export const YES_OPTION: Readonly<Record<string, CommandOption>> = {
  yes: { help: 'do it; without this option the command only says what it would do' },
};

/** The option for the time before keys are destroyed. */
export const WAIT_OPTION: Readonly<Record<string, CommandOption>> = {
  'wait-days': { value: 'days', help: 'days until the keys may be destroyed; 7 by default and at least' },
};

/** Databases by the scheme of their URL. */
const DIALECTS: readonly (readonly [scheme: RegExp, dialect: SqlDialect])[] = [
  [/^postgres(ql)?:/, 'postgresql'],
  [/^(mysql|mariadb):/, 'mysql'],
  [/^(file|libsql):/, 'sqlite'],
];

const DAY_MS = 24 * 60 * 60 * 1000;

/** Opens the keyring with what the environment holds, works with it, and closes it and its key store. Changes are audited where a log is set up. */
export function withKeyring<T>(
  command: Command,
  input: CommandInput,
  work: (keyring: Keyring) => Promise<T>,
): Promise<T> {
  return withKeyStore(command, input, async (keyStore) => {
    const { keyring, close } = await openWith(input, keyStore);
    return work(keyring).finally(close);
  });
}

/** A keyring that is open, and what closes it. */
export interface OpenedKeyring {
  /** Changes are audited where a log is set up. */
  readonly keyring: Keyring;
  close(): Promise<void>;
}

/** Opens the keyring with what the environment holds. */
export async function openWith(
  { options, env }: Pick<CommandInput, 'options' | 'env'>,
  keyStore: { readonly keyStore?: KeyStore },
): Promise<OpenedKeyring> {
  const storage = keyringFile(options['keyring'] ?? keyringPath(env));
  const keyring = await openKeyring({ storage, openers: environmentOpeners(env), ...keyStore });
  const auditor = operatorLog(env);
  return {
    // The log is opened by the first change: what only reads needs none.
    keyring: auditor === null ? keyring : await auditor.watch(keyring),
    close: async () => {
      keyring.close();
      await auditor?.close();
    },
  };
}

/** Opens the key store that the options name, if they name one, works with it, and closes it. */
export async function withKeyStore<T>(
  command: Command | undefined,
  { options, env }: Pick<CommandInput, 'options' | 'env'>,
  work: (keyStore: { readonly keyStore?: KeyStore }) => Promise<T>,
): Promise<T> {
  const [path, variable, table] = [options['key-store'], options['key-store-url-env'], options['key-store-table']];
  if (path !== undefined && variable !== undefined)
    throw usage(command, 'a key store is a file or a database, not both');
  if (variable === undefined) return work(path === undefined ? {} : { keyStore: fileKeyStore(path) });
  const { url, dialect } = databaseOf(command, env[variable]);
  let adapter: Adapter | undefined;
  try {
    adapter = await connect(dialect, url, process.cwd());
    return await work({ keyStore: sqlKeyStore(adapterClient(dialect, adapter), table === undefined ? {} : { table }) });
  } catch (error) {
    if (!(error instanceof DatabaseProblem)) throw error;
    throw new CliError(
      'ERR_DATABASE',
      `the key store cannot be reached: ${error.message}`,
      'Check the URL, and that the driver adapter of the project is installed.',
    );
  } finally {
    await adapter?.dispose().catch(() => undefined);
  }
}

/** The scope that the options name. */
export function scopeOf({ options }: CommandInput): string {
  return options['scope'] ?? APPLICATION_SCOPE;
}

/** The stored keyset of a scope. */
export async function keysetOf(keyring: Keyring, scope: string): Promise<KeysetRecord> {
  return (await keyring.describe([scope])).keysets[0] as KeysetRecord;
}

/** What a scope is called for people. */
export function scopeName(scope: string): string {
  return scope === APPLICATION_SCOPE ? '(application)' : scope;
}

/** `--wait-days` in ms; undefined when it was not given. */
export function waitMsOf(command: Command, { options }: CommandInput): number | undefined {
  const days = options['wait-days'];
  if (days === undefined) return undefined;
  if (!/^\d{1,4}$/.test(days) || Number(days) < 7)
    throw usage(command, '--wait-days needs a number of days, 7 or more');
  return Number(days) * DAY_MS;
}

/** 2026-11-24 21:40, in UTC as stored. */
export function shortTime(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}

function databaseOf(
  command: Command | undefined,
  url: string | undefined,
): { readonly url: string; readonly dialect: SqlDialect } {
  if (!url) throw usage(command, 'the variable that --key-store-url-env names is not set');
  const dialect = DIALECTS.find(([scheme]) => scheme.test(url))?.[1];
  if (dialect === undefined)
    throw usage(command, 'the URL of the key store is one of PostgreSQL, MySQL, MariaDB or SQLite');
  return { url, dialect };
}
