import { Fleet } from '@fieldseal/core/jobs';
import type { Command, CommandInput, Report } from '../../command.ts';
import { durationOf } from '../../jobs/job-options.ts';
import { JobProject, PROJECT_OPTIONS } from '../../jobs/job-project.ts';
import { SCOPE_OPTION, scopeOf, YES_OPTION } from '../keys/request.ts';
import { GATE_OPTIONS } from './promote.ts';

/** `fieldseal fleet destroy` */
export const fleetDestroy: Command = {
  name: 'fleet destroy',
  summary: 'destroy a key version that no instance and no cell uses any more',
  details: [
    'The key has to be disabled, its destruction asked for by `keys destroy`, and the waiting time passed. Every live instance has to have read\n' +
      'the keyring, and a census of all encrypted columns of the schema must find no cell under the key. Backups are not looked at.',
  ],
  positionals: ['key id'],
  options: { ...PROJECT_OPTIONS, ...SCOPE_OPTION, ...GATE_OPTIONS, ...YES_OPTION },
  audit: 'keyring',
  run: destroy,
};

function destroy(input: CommandInput): Promise<Report> {
  const [keyId = ''] = input.positionals;
  const scope = scopeOf(input);
  const waitMs = durationOf(input.options, 'wait') ?? 0;
  return JobProject.use(input, async (project) => {
    const sources = project.models.map((model) => project.source(model));
    const models = sources.length;
    if (!('yes' in input.options))
      return {
        lines: [
          `Nothing was changed. With --yes the cells of ${models} models are counted, and the key is destroyed if there is none under it.`,
        ],
        json: { scope, keyId, models, done: false },
      };
    await new Fleet(project.database).destroy(await project.keyring(), keyId, sources, { scope, waitMs });
    return {
      lines: [`No cell of ${models} models was under it. The key is gone.`],
      json: { scope, keyId, models, done: true },
    };
  });
}
