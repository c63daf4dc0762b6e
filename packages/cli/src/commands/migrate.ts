import type { Command } from '../command.ts';
import { jobCommand } from '../jobs/job-command.ts';
import { foreignRows } from '../migrate/foreign-rows.ts';
import { trialOf } from '../migrate/trial.ts';

/** `fieldseal migrate` */
export const migrate: Command = jobCommand({
  name: 'migrate',
  summary: 'turn values of another encryption into cells, while the application runs',
  details: [
    'Values of fields with mode: migrating are opened by readers, and cells with the terms of their indexes are written in their place. What\n' +
      'does not open is set apart untouched. Give the same options to plan, start and work.',
    'With --from prisma-field-encryption, its keys are taken from PRISMA_FIELD_ENCRYPTION_KEY and PRISMA_FIELD_DECRYPTION_KEYS. For other\n' +
      'formats --readers names a module whose default export is { Model: { field: reader } }, with readers of @fieldseal/migrate.',
    'plan also tries to open the first values of every field.',
  ],
  options: {
    from: { value: 'format', help: 'what all migrating fields hold', choices: ['prisma-field-encryption'] },
    readers: { value: 'module', help: 'JavaScript module with a reader for each field' },
    'accept-unrecognized': {
      help: 'take values that no reader recognizes for plaintext; by default they are set apart',
    },
    'unwrap-nested': { help: 'open values that prisma-field-encryption encrypted twice' },
  },
  kinds: ['backfill'],
  kindOf: () => 'backfill',
  owns: ({ origin }) => origin !== undefined,
  fits: ({ plaintext }) => plaintext.origin !== undefined,
  rowsOf: foreignRows,
  trial: trialOf,
});
