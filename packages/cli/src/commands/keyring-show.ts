import { type KeyringDescription, type KeySeries, keyringPath, SUITES } from '@fieldseal/core';
import type { Command, Report } from '../command.ts';
import { table } from '../table.ts';
import { STORE_OPTIONS, withKeyring } from './keys/request.ts';

/** `fieldseal keyring show` */
export const keyringShow: Command = {
  name: 'keyring show',
  summary: 'show the keys of a keyring and their status',
  details: [
    'Opens the keyring with FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE and shows what it holds: the ways to open it, its KEKs, and all key\n' +
      'versions. Keys themselves are never shown, not even wrapped.',
  ],
  positionals: [],
  options: STORE_OPTIONS,
  audit: 'none',
  run: async (input) => {
    const path = input.options['keyring'] ?? keyringPath(input.env);
    return withKeyring(keyringShow, input, async (keyring) =>
      report(path, await keyring.describe(), keyring.receiptKey),
    );
  },
};

/** A key version without its wrapped key. */
interface VersionRow {
  readonly scope: string;
  readonly use: 'data' | 'index';
  readonly version: number;
  readonly keyId: string;
  readonly suite: string;
  readonly status: string;
  readonly primary: boolean;
  readonly created: string;
  readonly destroyAfter: string | null;
  readonly kekId: string;
}

function report(
  path: string,
  { id, generation, created, slots, keks, keysets }: KeyringDescription,
  receiptKey: string,
): Report {
  const versions = keysets.flatMap(({ scope, data, index }) => [
    ...rows(scope, 'data', data),
    ...rows(scope, 'index', index),
  ]);
  const scoped = versions.some(({ scope }) => scope !== '');
  const lines = [
    ...table([
      ['keyring', path],
      ['id', id],
      ['generation', String(generation)],
      ['created', date(created)],
      ['receipt key', receiptKey],
    ]),
    '',
    ...table([['slot', 'type', 'created'], ...slots.map((slot) => [slot.id, slot.type, date(slot.created)])]),
    '',
    ...table([
      ['kek', 'created', ''],
      ...keks.map((kek, at) => [kek.id, date(kek.created), at === keks.length - 1 ? 'wraps new keys' : '']),
    ]),
    '',
    ...table([
      [
        ...(scoped ? ['scope'] : []),
        'key id',
        'use',
        'version',
        'status',
        '',
        'created',
        'destroy after',
        'suite',
        'kek',
      ],
      ...versions.map((row) => [
        ...(scoped ? [row.scope || '(application)'] : []),
        row.keyId,
        row.use,
        String(row.version),
        row.status,
        row.primary ? 'primary' : '',
        date(row.created),
        row.destroyAfter === null ? '-' : date(row.destroyAfter),
        row.suite,
        row.kekId,
      ]),
    ]),
  ];
  return { lines, json: { path, id, generation, created, receiptKey, slots, keks, keys: versions } };
}

/** Member by member, so that nothing is shown only because it was added to the record. */
function rows(scope: string, use: VersionRow['use'], { primary, versions }: KeySeries): VersionRow[] {
  return versions.map(({ keyId, version, suite, status, created, destroyAfter, kekId }) => ({
    scope,
    use,
    version,
    keyId,
    suite: SUITES[suite].name,
    status,
    primary: keyId === primary,
    created,
    destroyAfter,
    kekId,
  }));
}

/** 2026-11-24 21:40, in UTC as stored. */
function date(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}
