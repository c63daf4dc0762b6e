import type { CensusLine } from '@fieldseal/core/jobs';
import type { Command } from '../command.ts';
import { censusLines } from '../jobs/job-lines.ts';
import { namesOf } from '../jobs/job-options.ts';
import { JobProject, ROW_OPTIONS, ROWS_SCOPE_OPTION } from '../jobs/job-project.ts';

/** `fieldseal census` */
export const census: Command = {
  name: 'census',
  summary: 'count the values of encrypted columns by key',
  details: [
    'A key may be destroyed when no value is under it, in the database and in the backups that are kept. The key ids are read from the\n' +
      'first characters of each value; no key is needed, and no value is read.',
    'Every column is read once as a whole. Where that takes too long for a single key, an index on its first 16 characters helps; see\n' +
      'docs/rotation.md.',
  ],
  positionals: [],
  options: {
    ...ROW_OPTIONS,
    model: { value: 'name', help: 'only this model' },
    fields: { value: 'names', help: 'only these fields of the model, with commas between them' },
    ...ROWS_SCOPE_OPTION,
  },
  audit: 'none',
  run: (input) =>
    JobProject.use(input, async (project) => {
      const counted: { readonly model: string; readonly census: readonly CensusLine[] }[] = [];
      for (const model of project.modelsIn(input.options['scope'])) {
        const source = project.source(model, namesOf(input.options, 'fields'), input.options);
        counted.push({ model, census: await source.census(project.database) });
      }
      const lines = counted.flatMap(({ model, census: found }) => [
        model,
        ...censusLines(found).map((line) => `  ${line}`),
      ]);
      const strayed = input.options['scope'] !== undefined && counted.every(({ census: found }) => found.length === 0);
      const warnings = strayed ? ['no value was found in this scope: check --scope'] : [];
      return { lines, json: { models: counted }, warnings };
    }),
};
