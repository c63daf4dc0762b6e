import { APPLICATION_SCOPE, FieldsealError, type Keyring } from '@fieldseal/core';
import { Fleet } from '@fieldseal/core/jobs';
import type { Command } from '../command.ts';
import { jobCommand } from '../jobs/job-command.ts';
import { durationOf } from '../jobs/job-options.ts';
import { GATE_OPTIONS } from './fleet/promote.ts';
import { requiredBackup } from './keys/backup-gate.ts';
import { scopeName } from './keys/request.ts';

/** How long instances have to read the keyring, in ms: they do once in five seconds. */
const WAIT_MS = 60_000;

/** `fieldseal rotate` */
export const rotate: Command = jobCommand({
  name: 'rotate',
  summary: 're-encrypt rows under the primary key, while the application runs',
  details: [
    'Cells of older keys become cells of the primary. Index terms, other columns and updatedAt stay as they are. Rows that others write\n' +
      'meanwhile are never overwritten, and what cannot be opened is set apart untouched.',
    'start --new-key adds a key and promotes it first: the key of the application, or with --scope that of one tenant. A key that no backup holds yet is not\n' +
      'promoted where FIELDSEAL_REQUIRE_BACKUP asks for that: use keys add, backup create and keys promote then, or --no-backup.',
    'With --before, the schema until now, cells are also written in a new way: padding, binding, or the names that keys are made from.',
  ],
  options: {
    'new-key': {
      help: 'start: add a key version and promote it first, once every live instance has it (docs: gates of a fleet)',
    },
    ...GATE_OPTIONS,
    'no-backup': { help: 'start --new-key: promote whatever FIELDSEAL_REQUIRE_BACKUP says' },
    before: { value: 'path', help: 'the older schema, where annotations changed how cells are written' },
  },
  kinds: ['reencrypt'],
  kindOf: () => 'reencrypt',
  prepare: async (project, input) => {
    const { options } = input;
    if (!('new-key' in options)) return { lines: [], json: {} };
    if (requiredBackup(input) !== undefined)
      throw new FieldsealError(
        'ERR_BACKUP_GATE',
        'a new key is in no backup yet, and one has to hold a key before it is promoted',
        {
          hint: 'Run `keys add`, `backup create`, `keys promote` and `rotate start`; or --no-backup promotes all the same.',
        },
      );
    const { scope } = options;
    const waitMs = durationOf(options, 'wait') ?? WAIT_MS;
    const keyId = await newPrimary(await project.keyring(), new Fleet(project.database), scope, waitMs);
    const store = options['key-store'] ?? options['key-store-url-env'];
    const what = store === undefined ? 'the keyring' : 'the keyring with its key store';
    return {
      lines: [`The primary of ${scopeName(scope ?? APPLICATION_SCOPE)} is the new key ${keyId}. Back ${what} up now.`],
      json: { scope: scope ?? APPLICATION_SCOPE, newKey: keyId },
    };
  },
});

/** Adds a key and promotes it, where instances are known behind the gate that they hold. */
async function newPrimary(
  keyring: Keyring,
  fleet: Fleet,
  scope: string = APPLICATION_SCOPE,
  waitMs: number,
): Promise<string> {
  const known = await fleet.instances(keyring.id);
  if (!known.some(({ live }) => live)) return keyring.rotate(scope);
  const keyId = await keyring.addKey(scope);
  await fleet.promote(keyring, keyId, { scope, waitMs });
  return keyId;
}
