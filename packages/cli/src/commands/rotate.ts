import type { Command } from '../command.ts';
import { jobCommand } from '../jobs/job-command.ts';

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
    'new-key': { help: 'start: add a key version and promote it first; every instance must use this keyring file' },
    before: { value: 'path', help: 'the older schema, where annotations changed how cells are written' },
  },
  kinds: ['reencrypt'],
  kindOf: () => 'reencrypt',
  prepare: async (project, options) => {
    if (!('new-key' in options)) return [];
    const keyId = await (await project.keyring()).rotate();
    return [`The primary is the new key ${keyId}. Back the keyring up now.`];
  },
});
