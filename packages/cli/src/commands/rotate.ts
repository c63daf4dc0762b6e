import { APPLICATION_SCOPE, type Keyring } from '@fieldseal/core';
import { Fleet } from '@fieldseal/core/jobs';
import type { Command } from '../command.ts';
import { jobCommand } from '../jobs/job-command.ts';
import { durationOf } from '../jobs/job-options.ts';
import { GATE_OPTIONS } from './fleet/promote.ts';

/** How long instances have to read the keyring, in ms: they do once in five seconds. */
const WAIT_MS = 60_000;

/** `fieldseal rotate` */
export const rotate: Command = jobCommand({
  name: 'rotate',
  summary: 're-encrypt rows under the primary key, while the application runs',
  details: [
    'Cells of older keys become cells of the primary. Index terms, other columns and updatedAt stay as they are. Rows that others write\n' +
      'meanwhile are never overwritten, and what cannot be opened is set apart untouched.',
    'With --before, the schema until now, cells are also written in a new way: padding, binding, or the names that keys are made from.',
  ],
  options: {
    'new-key': {
      help: 'start: add a key version and promote it first, once every live instance has it (docs: gates of a fleet)',
    },
    ...GATE_OPTIONS,
    before: { value: 'path', help: 'the older schema, where annotations changed how cells are written' },
  },
  kinds: ['reencrypt'],
  kindOf: () => 'reencrypt',
  prepare: async (project, options) => {
    if (!('new-key' in options)) return [];
    const waitMs = durationOf(options, 'wait') ?? WAIT_MS;
    const keyId = await newPrimary(await project.keyring(), new Fleet(project.database), options['scope'], waitMs);
    return [`The primary is the new key ${keyId}. Back the keyring up now.`];
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
