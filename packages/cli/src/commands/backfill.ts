import { isPartner } from '@fieldseal/core/jobs';
import type { Command } from '../command.ts';
import { jobCommand } from '../jobs/job-command.ts';

/** `fieldseal backfill` */
export const backfill: Command = jobCommand({
  name: 'backfill',
  summary: 'encrypt the plaintext of existing rows, while the application runs',
  details: [
    'Fields with mode: migrating are worked on: their plaintext becomes cells, with the terms of their indexes. Take the mode out of the\n' +
      'schema when the job is done.',
    'With --out the other way round, to leave encryption: cells become plaintext, and terms NULL, of fields with mode: leaving. With --terms only the terms of indexes are\n' +
      'made anew, of fields in any mode, as for an index that was added later.',
  ],
  options: {
    out: { help: 'turn cells into plaintext again' },
    terms: { help: 'only make the terms of indexes anew' },
  },
  kinds: ['backfill', 'restore', 'reindex'],
  owns: ({ origin }) => origin === undefined,
  kindOf: (options) => ('terms' in options ? 'reindex' : 'out' in options ? 'restore' : 'backfill'),
  whenNoneFits: (kind) =>
    kind === 'reindex'
      ? 'No encrypted field has an index.'
      : kind === 'restore'
        ? 'Set mode: leaving on the fields that are to be plaintext again, and deploy it first.'
        : 'Set mode: migrating on the fields whose plaintext is to be encrypted, and deploy it first; with mode: leaving the way back is --out.',
  fits: (field, kind, all) =>
    kind === 'reindex'
      ? all.some(({ indexes }) => indexes.some(({ sources }) => sources.includes(all.indexOf(field))))
      : (field.migrating && !(kind === 'backfill' && field.leaving)) ||
        (kind === 'backfill' && isPartner(all, all.indexOf(field))),
});
