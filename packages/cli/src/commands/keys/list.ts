import {
  FieldsealError,
  type KeySeries,
  type KeysetRecord,
  ROTATE_AFTER_DAYS,
  rotationReason,
  SUITES,
} from '@fieldseal/core';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { STORE_OPTIONS, scopeName, shortTime, withKeyring } from './request.ts';

/** Scopes that are shown unless more are asked for. */
const LIMIT = 100;

/** Scopes that are read in one round trip. */
const PER_READING = 500;

/** `fieldseal keys list` */
export const keysList: Command = {
  name: 'keys list',
  summary: 'list key versions, their status, and what should be rotated',
  details: [
    'Shows the keys of one scope, or of all scopes. Rotation is suggested for a primary that is older than --rotate-after days. Keys themselves\n' +
      'are never shown, not even wrapped.',
  ],
  positionals: [],
  options: {
    ...STORE_OPTIONS,
    scope: { value: 'scope', help: 'only this scope; by default all of them' },
    limit: { value: 'scopes', help: `scopes that are shown at most; ${LIMIT} by default` },
    'rotate-after': {
      value: 'days',
      help: `age of a primary from which rotation is suggested; ${ROTATE_AFTER_DAYS} by default (NIST SP 800-57)`,
    },
  },
  audit: 'none',
  run: list,
};

/** A key version without its wrapped key. */
interface VersionRow {
  readonly scope: string;
  readonly keyId: string;
  readonly use: 'data' | 'index';
  readonly version: number;
  readonly suite: string;
  readonly status: string;
  readonly primary: boolean;
  readonly created: string;
  readonly destroyAfter: string | null;
  readonly rotationSuggested: boolean;
}

async function list(input: CommandInput): Promise<Report> {
  const limit = numberOf(input, 'limit') ?? LIMIT;
  const afterDays = numberOf(input, 'rotate-after') ?? ROTATE_AFTER_DAYS;
  const { records, more } = await withKeyring(keysList, input, async (keyring) => {
    const scopes = await scopesOf(input, keyring.scopes.bind(keyring), limit + 1);
    const found: KeysetRecord[] = [];
    for (let at = 0; at < Math.min(scopes.length, limit); at += PER_READING)
      found.push(...(await keyring.describe(scopes.slice(at, Math.min(at + PER_READING, limit)))).keysets);
    return { records: found, more: scopes.length > limit };
  });
  const keys = records.flatMap((record) => [
    ...rows(record, 'data', record.data, afterDays),
    ...rows(record, 'index', record.index, afterDays),
  ]);
  const shredded = records.flatMap(({ scope, shred }) =>
    shred === undefined
      ? []
      : [{ scope, requested: shred.requested, destroyAfter: shred.destroyAfter, destroyed: shred.destroyed }],
  );
  const suggested = keys.filter(({ rotationSuggested }) => rotationSuggested).length;
  const lines = [
    ...table([
      ['scope', 'key id', 'use', 'version', 'status', '', 'created', 'destroy after', ''],
      ...keys.map((row) => [
        scopeName(row.scope),
        row.keyId,
        row.use,
        String(row.version),
        row.status,
        row.primary ? 'primary' : '',
        shortTime(row.created),
        row.destroyAfter === null ? '-' : shortTime(row.destroyAfter),
        row.rotationSuggested ? 'rotation suggested' : '',
      ]),
    ]),
    ...shredded.map(({ scope, destroyAfter, destroyed }) =>
      destroyed === null
        ? `${scopeName(scope)} is being shredded; its keys may be destroyed after ${shortTime(destroyAfter)}`
        : `${scopeName(scope)} was shredded at ${shortTime(destroyed)}`,
    ),
    ...(more ? [`There are more scopes than ${limit}: see --limit and --scope.`] : []),
  ];
  const warnings =
    suggested === 0
      ? []
      : [`rotation is suggested for ${suggested} of the keys: \`fieldseal keys add\`, then \`keys promote\``];
  return { lines, json: { keys, shredded, more }, warnings };
}

async function scopesOf({ options }: CommandInput, all: () => AsyncIterable<string>, limit: number): Promise<string[]> {
  if (options['scope'] !== undefined) return [options['scope']];
  const scopes: string[] = [];
  for await (const scope of all()) {
    scopes.push(scope);
    if (scopes.length === limit) break;
  }
  if (scopes.length === 0)
    throw new FieldsealError('ERR_KEY_UNKNOWN', 'the keyring holds no keys', {
      hint: 'The key store holds none: check --key-store, --key-store-url-env and --key-store-table.',
    });
  return scopes.sort(); // the application first
}

/** Member by member, so that nothing is shown only because it was added to the record. */
function rows(
  { scope, shred }: KeysetRecord,
  use: VersionRow['use'],
  { primary, versions }: KeySeries,
  afterDays: number,
): VersionRow[] {
  return versions.map(({ keyId, version, suite, status, created, destroyAfter }) => ({
    scope,
    keyId,
    use,
    version,
    suite: SUITES[suite].name,
    status,
    primary: keyId === primary,
    created,
    destroyAfter: shred?.destroyed === null ? shred.destroyAfter : destroyAfter,
    rotationSuggested:
      use === 'data' &&
      keyId === primary &&
      status === 'enabled' &&
      rotationReason({ created, suite }, { afterDays }) !== null,
  }));
}

function numberOf({ options }: CommandInput, name: 'limit' | 'rotate-after'): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw usage(keysList, `--${name} needs a number, 1 or more`);
  return Number(text);
}
