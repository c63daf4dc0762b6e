import type { Command } from '../command.ts';
import { jobCommand } from '../jobs/job-command.ts';

/** `fieldseal verify` */
export const verify: Command = jobCommand({
  name: 'verify',
  summary: 'open the cells of all rows, or of a sample, and report those that do not open',
  details: ['Nothing is written but the job itself, with the rows that it set apart. It may run beside other jobs.'],
  options: { sample: { value: 'share', help: 'share of the rows, above 0 to 1; all by default' } },
  kinds: ['verify'],
  kindOf: () => 'verify',
});
