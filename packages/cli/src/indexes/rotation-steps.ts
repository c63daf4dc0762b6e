import { JobEngine } from '@fieldseal/core/jobs';
import { CliError } from '../cli-error.ts';
import type { CommandInput } from '../command.ts';
import type { JobProject } from '../jobs/job-project.ts';
import { lacking, type RotationState, rotationState, strays } from './rotation-state.ts';

/**
 * Adds an index root, if a rotation can be brought to its end with this schema.
 *
 * @throws ERR_USAGE for a schema with an index that cannot be rotated, or while a rotation is under way
 */
export async function startRotation(project: JobProject, state: RotationState): Promise<void> {
  if (state.phase !== 'steady')
    throw new CliError(
      'ERR_USAGE',
      'a rotation is under way',
      'Go on with it: `fieldseal index rotate continue`. `fieldseal index status` says where it stands.',
    );
  if (state.tables.every(({ indexes, outOfReach }) => indexes.length + outOfReach.length === 0))
    throw notRotated(
      state.scope === undefined ? 'no model without @scope has one' : 'no model with @scope has one',
      'Indexes of models with @scope are rotated scope by scope, with --scope; others without it.',
    );
  const left = await strays(project, state.scope);
  if (left > 0)
    throw notRotated(
      `${left} values of models without @scope are under the keys of the scope`,
      'Write them again outside of the scope, or give the models an @scope.',
    );
  for (const { model, indexes, outOfReach } of state.tables) {
    const single = indexes.find((index) => index.single);
    if (single !== undefined)
      throw notRotated(
        `${model}.${single.first.field} names unique rows`,
        `Give it a second column with the same constraints: /// @blindIndex(next: ${single.first.field}).`,
      );
    if (outOfReach[0] !== undefined)
      throw notRotated(
        `the table of terms of ${model}.${outOfReach[0]} does not point to the key of its rows`,
        'Let its relation point to the id of the model.',
      );
    // Rows in plaintext have no term, and would be taken for rows that were left behind: bytes do not tell which they are.
    const bytes = indexes.find(({ second, sources }) => {
      return second !== null && sources.some(({ migrating, kind }) => migrating && kind === 'bytes');
    });
    if (bytes !== undefined)
      throw notRotated(
        `${model}.${bytes.first.field} has two columns, and its field of Bytes has mode: migrating`,
        'Bring the migration to an end first.',
      );
  }
  await (await project.keyring()).addIndexRoot(state.scope);
}

/**
 * Fills the rows and takes the next step. It may be stopped and called again at any time.
 *
 * @returns whether there was a step to take
 * @throws ERR_INDEX_ROTATION before its time, or where rows cannot be filled
 */
export async function continueRotation(
  project: JobProject,
  state: RotationState,
  input: CommandInput,
): Promise<boolean> {
  const { phase, newer, older, scope } = state;
  const everyProcessKnows = 'every-process-knows' in input.options;
  if (phase === 'steady') return false;
  // What is filled before every process writes the new terms would have to be filled again.
  if (everyProcessKnows || state.waitsUntil === null) await fillIndexes(project, state, input);
  const keyring = await project.keyring();
  if (newer === null || older === null) {
    const { phase: after } = await rotationState(project, scope);
    if (after !== 'steady' && state.waitsUntil !== null && !everyProcessKnows)
      throw new CliError(
        'ERR_USAGE',
        'processes may still write terms of the older root',
        `Wait until ${state.waitsUntil}.`,
      );
    return true;
  }
  const promotes = phase === 'added';
  const step = { rows: lacking(project, state, newer, !promotes), everyProcessKnows };
  if (promotes) await keyring.promoteIndexRoot(newer.keyId, step, scope);
  else await keyring.retireIndexRoot(older.keyId, step, scope);
  return true;
}

/** Gives a rotation up whose root is not promoted yet: it is retired, and its terms are taken out by the next `continue`. */
export async function abandonRotation(project: JobProject, { phase, newer, scope }: RotationState): Promise<void> {
  if (phase !== 'added' || newer === null)
    throw new CliError(
      'ERR_USAGE',
      'there is no rotation to give up',
      'A root that was promoted is not taken back: unique rows are named by it.',
    );
  // Every row has its terms of the older root still.
  const step = { rows: async () => 0, everyProcessKnows: true };
  await (await project.keyring()).retireIndexRoot(newer.keyId, step, scope);
}

/** Works through a job of `reindex` for each model with indexes, taking up one that was left. */
async function fillIndexes(project: JobProject, { tables, scope }: RotationState, { io }: CommandInput): Promise<void> {
  const keys = await project.keyring();
  const signal = io.stopping?.() ?? new AbortController().signal;
  for (const { model } of tables) {
    const all = project.source(model).fields;
    const places = new Set(all.flatMap(({ indexes }) => indexes.flatMap(({ sources }) => sources)));
    const fields = all.flatMap(({ form }, at) => (places.has(at) ? [form.spec.field] : []));
    if (fields.length === 0) continue;
    const engine = new JobEngine({ source: project.source(model, fields, { scope }), keys });
    const jobs = (await project.control.list().catch(() => [])).filter(
      ({ plan }) => plan.kind === 'reindex' && plan.model === model && plan.scope === scope,
    );
    // One that was killed while it planned a job left it without an end, and in the way of the next one.
    for (const { id, state } of jobs) if (state === 'planning') await project.control.cancel(id);
    const left = jobs.find(({ state }) => state === 'running');
    await engine.work(left?.id ?? (await engine.start({ kind: 'reindex' })), { signal });
  }
}

function notRotated(reason: string, hint: string): CliError {
  return new CliError('ERR_USAGE', `the indexes cannot be rotated: ${reason}`, hint);
}
