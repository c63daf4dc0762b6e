import type { Command } from '../../command.ts';
import { rotationState, stateLines } from '../../indexes/rotation-state.ts';
import { JobProject, PROJECT_OPTIONS, ROWS_SCOPE_OPTION } from '../../jobs/job-project.ts';

/** `fieldseal index status` */
export const indexStatus: Command = {
  name: 'index status',
  summary: 'count the terms of blind indexes by version, and say where a rotation stands',
  details: ['Every column of terms is read once as a whole. No value is read.'],
  positionals: [],
  options: { ...PROJECT_OPTIONS, ...ROWS_SCOPE_OPTION },
  audit: 'none',
  run: (input) =>
    JobProject.use(input, async (project) => {
      const state = await rotationState(project, input.options['scope']);
      return { lines: stateLines(state), json: stateJson(state) };
    }),
};

/** What programs are told of a rotation. */
export function stateJson({ phase, view, waitsUntil, counted }: Awaited<ReturnType<typeof rotationState>>): object {
  return {
    phase,
    primary: view.indexRoot.version,
    versions: view.indexRoots.map(({ version }) => version),
    waitsUntil,
    columns: counted.flatMap(({ first, second }) => [...first, ...(second ?? [])]),
  };
}
