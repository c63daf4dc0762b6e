import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { rotationState, stateLines } from '../../indexes/rotation-state.ts';
import { abandonRotation, continueRotation, startRotation } from '../../indexes/rotation-steps.ts';
import { JobProject, PROJECT_OPTIONS, ROWS_SCOPE_OPTION } from '../../jobs/job-project.ts';
import { stateJson } from './status.ts';

const ACTIONS = ['start', 'continue', 'abandon'] as const;

/** `fieldseal index rotate` */
export const indexRotate: Command = {
  name: 'index rotate',
  summary: 'give blind indexes a new key, while the application runs',
  details: [
    'start adds an index root. continue fills the terms of rows in and takes the next step: it promotes the new root, retires the old one,\n' +
      'and takes its terms out, in three calls. abandon gives a rotation up whose root is not promoted. Each may be stopped and called again.',
    'Between two steps 25 hours have to pass, since no process uses keys that it read more than a day ago. With --every-process-knows you\n' +
      'vouch that all were started again since the last step and that no transaction from before is under way.',
  ],
  positionals: ['action'],
  options: {
    ...PROJECT_OPTIONS,
    ...ROWS_SCOPE_OPTION,
    'every-process-knows': { help: 'take the next step now: all processes were started again since the last one' },
  },
  audit: 'keyring',
  run: rotate,
};

async function rotate(input: CommandInput): Promise<Report> {
  const [given] = input.positionals;
  const action = ACTIONS.find((known) => known === given);
  if (action === undefined) throw usage(indexRotate, `the action is one of ${ACTIONS.join(', ')}`);
  return JobProject.use(input, async (project) => {
    const { scope } = input.options;
    const state = await rotationState(project, scope);
    if (action === 'start') await startRotation(project, state);
    else if (action === 'abandon') await abandonRotation(project, state);
    else await continueRotation(project, state, input);
    const after = await rotationState(project, scope);
    const backup = action === 'start' ? ['Back the keyring up now: the new root is in it.'] : [];
    return { lines: [...backup, ...stateLines(after)], json: stateJson(after) };
  });
}
