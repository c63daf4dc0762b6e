import { listBackups } from '@fieldseal/backup';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { PLACE_OPTIONS, placeOf } from './request.ts';

/** `fieldseal backup list` */
export const backupList: Command = {
  name: 'backup list',
  summary: 'list the backups of a place',
  details: ['Nothing is opened or verified: see `fieldseal backup verify`.'],
  positionals: [],
  options: PLACE_OPTIONS,
  audit: 'none',
  run: list,
};

async function list(input: CommandInput): Promise<Report> {
  const { target } = placeOf(input);
  const { backups, unfinished } = await listBackups(target);
  const rows = backups.map(({ name, sequence, created }) => [String(sequence), new Date(created).toISOString(), name]);
  return {
    lines:
      backups.length === 0
        ? [`there is no backup at ${target.label}`]
        : table([['number', 'created', 'name'], ...rows]),
    json: {
      place: target.label,
      backups: backups.map((file) => ({ ...file, created: new Date(file.created).toISOString() })),
      unfinished,
    },
    warnings: unfinished.map(
      (name) =>
        `${name} has no signature: the program that wrote it was stopped. \`fieldseal backup prune\` removes it after a day.`,
    ),
  };
}
