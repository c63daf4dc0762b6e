import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import {
  JobEngine,
  type JobKind,
  type JobPlan,
  type JobRecord,
  type JobStatus,
  type RowSource,
  type WorkEnd,
} from '@fieldseal/core/jobs';
import { usage } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import type { Command, CommandInput, CommandOption, Report } from '../command.ts';
import { readSchemaFile } from '../schema-file.ts';
import { forecastLines, statusJson, statusLines } from './job-lines.ts';
import { durationOf, namesOf, numberOf, SETTING_OPTIONS, settingsOf } from './job-options.ts';
import { JobProgress } from './job-progress.ts';
import { JobProject, PROJECT_OPTIONS, ROWS_SCOPE_OPTION } from './job-project.ts';

/** What can be done with jobs, in the order in which it is. */
const ACTIONS = ['plan', 'start', 'work', 'status', 'pause', 'resume', 'cancel', 'set'] as const;

type Action = (typeof ACTIONS)[number];

/** One family of jobs as a command. */
export interface JobFamily {
  /** Word that calls it. */
  readonly name: string;
  readonly summary: string;
  readonly details: readonly string[];
  readonly options?: Readonly<Record<string, CommandOption>>;
  /** Kinds of jobs that belong to it. */
  readonly kinds: readonly JobKind[];
  /** The kind that the options ask for. */
  kindOf(options: CommandInput['options']): JobKind;
  /** Fields of a model that such a job can work on, where they are not all. */
  readonly fits?: (field: JobEngineField, kind: JobKind, all: readonly JobEngineField[]) => boolean;
  /** What to do where no field fits. */
  readonly whenNoneFits?: (kind: JobKind) => string;
  /** Whether a job is of this family, where its kind does not tell. */
  readonly owns?: (plan: JobPlan) => boolean;
  /** Rows as the family works on them. */
  readonly rowsOf?: (source: RowSource, project: JobProject, input: CommandInput) => Promise<RowSource>;
  /** What `plan` finds out beside the forecast. */
  readonly trial?: (source: RowSource) => Promise<{ readonly lines: readonly string[]; readonly json: object }>;
  /** Done before a job is planned, when nothing stands in its way. */
  readonly prepare?: (
    project: JobProject,
    input: CommandInput,
  ) => Promise<{ readonly lines: readonly string[]; readonly json: object }>;
}

type JobEngineField = RowSource['fields'][number];

/** The command of a family of jobs. */
export function jobCommand(family: JobFamily): Command {
  const command: Command = {
    name: family.name,
    summary: family.summary,
    details: [
      ...family.details,
      `Actions: plan shows what would be done, and writes nothing. start stores a job for each model. work does it: in any number of\n` +
        `processes at once, and for --for only, as in cron. status, pause, resume, cancel and set look at jobs and steer them. Without --job\n` +
        'they are about all that are unfinished.',
      'A job can be stopped at any time and in any way, and work takes it up where it was. Ends with 11 when a job paused by itself, or\n' +
        'set rows apart that it cannot serve.',
    ],
    positionals: ['action'],
    options: {
      ...PROJECT_OPTIONS,
      model: { value: 'name', help: 'only this model' },
      fields: { value: 'names', help: 'only these fields of the model, with commas between them' },
      ...ROWS_SCOPE_OPTION,
      job: { value: 'id', help: 'only this job' },
      for: { value: 'time', help: 'work for so long at most: 500ms, 30s, 5m, 1h' },
      fingerprint: { help: 'digest the other columns before and after, which reads the table twice' },
      ...family.options,
      ...SETTING_OPTIONS,
    },
    audit: ({ positionals: [action] }) => (action === 'plan' || action === 'status' ? 'none' : 'command'),
    run: (input) => runAction(command, family, input),
  };
  return command;
}

async function runAction(command: Command, family: JobFamily, input: CommandInput): Promise<Report> {
  const [given] = input.positionals;
  const action = ACTIONS.find((known) => known === given);
  if (action === undefined) throw usage(command, `the action is one of ${ACTIONS.join(', ')}`);
  const { options } = input;
  // Refused before anything is opened.
  for (const [name, actions] of Object.entries(ONLY))
    if (name in options && !actions.includes(action)) throw usage(command, `--${name} is for ${actions.join(', ')}`);
  const settings = settingsOf(options);
  durationOf(options, 'for');
  if (options['fields'] !== undefined && options['model'] === undefined) throw usage(command, '--fields needs --model');
  if (action === 'set' && Object.keys(settings).length === 0)
    throw usage(command, 'set needs a setting, such as --rows-per-second');
  return JobProject.use(input, (project) => PERFORM[action](family, project, input));
}

/** States of jobs that another one must not run beside. */
const UNFINISHED: readonly JobRecord['state'][] = ['planning', 'running', 'paused'];

/** Options that only some actions heed. */
const ONLY: Readonly<Record<string, readonly Action[]>> = {
  job: ['work', 'status', 'pause', 'resume', 'cancel', 'set'],
  for: ['work'],
  'new-key': ['start'],
};

/** Of a program that nobody stops. */
const NEVER = new AbortController().signal;

type Perform = (family: JobFamily, project: JobProject, input: CommandInput) => Promise<Report>;

const PERFORM: Readonly<Record<Action, Perform>> = {
  plan: async (family, project, input) => {
    const engines = await enginesOf(family, project, input);
    const planned = await Promise.all(
      engines.map(async ({ engine, source }) => ({
        forecast: await engine.forecast(requestOf(family, input.options)),
        trial: await family.trial?.(source),
      })),
    );
    return {
      lines: planned.flatMap(({ forecast, trial }) => [...forecastLines(forecast), ...(trial?.lines ?? [])]),
      json: { forecasts: planned.map(({ forecast, trial }) => ({ ...forecast, ...trial?.json })) },
    };
  },
  start: async (family, project, input) => {
    const { options } = input;
    const engines = await enginesOf(family, project, input);
    await refuseBeside(
      project,
      family.kindOf(options),
      engines.map(({ source }) => source.model),
    );
    const before = await family.prepare?.(project, input);
    const started: JobStatus[] = [];
    for (const { engine } of engines) {
      const job = await engine.start({ ...requestOf(family, options), settings: settingsOf(options) });
      started.push(await engine.status(job));
    }
    const next = `Now run \`fieldseal ${family.name} work\`.`;
    return {
      lines: [...(before?.lines ?? []), ...statusLines(started), next],
      json: { ...before?.json, jobs: started.map(statusJson) },
    };
  },
  work: async (family, project, input) => {
    const { options, io } = input;
    const until = performance.now() + (durationOf(options, 'for') ?? Number.POSITIVE_INFINITY);
    const signal = io.stopping?.() ?? NEVER;
    const worked: { readonly status: JobStatus; readonly end: WorkEnd }[] = [];
    const open = await chosen(family, project, options, ['running', 'paused'], true);
    for (const { plan, id, state } of open) {
      if (state === 'paused') continue;
      const engine = new JobEngine({
        source: await rows(family, project, input, plan, plan.scope),
        keys: await project.keyring(),
      });
      const progress = new JobProgress(io);
      const forMs = Math.max(0, until - performance.now());
      const end = await progress.during(await engine.status(id), () => engine.work(id, { forMs, signal }));
      worked.push({ status: await engine.status(id), end });
    }
    const paused = open.filter(({ state }) => state === 'paused');
    const jobs = worked.map(({ status }) => status);
    const trouble =
      jobs.some(({ quarantined, reason }) => quarantined > 0 || reason !== null) ||
      paused.some(({ reason }) => reason !== null);
    const idle = [
      ...(jobs.length > 0 ? [] : [`No job of ${family.name} is running: there is nothing to do.`]),
      ...paused.map(
        ({ id, plan }) => `${id} (${plan.model}) is paused: \`fieldseal ${family.name} resume\` lets it go on.`,
      ),
    ];
    return {
      lines: [...(jobs.length > 0 ? (await shown(project, jobs)).lines : []), ...idle],
      exitCode: trouble ? 11 : 0,
      json: {
        jobs: worked.map(({ status, end }) => ({ end, ...statusJson(status) })),
        paused: paused.map(({ id }) => id),
      },
    };
  },
  status: async (family, project, { options }) =>
    shown(project, await statuses(project, await chosen(family, project, options, null))),
  pause: (...given) => steered(...given, ['running'], (project, id) => project.control.pause(id)),
  resume: (...given) => steered(...given, ['paused'], (project, id) => project.control.resume(id)),
  cancel: (...given) => steered(...given, UNFINISHED, (project, id) => project.control.cancel(id)),
  set: (...given) =>
    steered(...given, ['running', 'paused'], async (project, id) => {
      await project.control.set(id, settingsOf(given[2].options));
    }),
};

async function steered(
  family: JobFamily,
  project: JobProject,
  { options }: CommandInput,
  states: readonly JobRecord['state'][],
  change: (project: JobProject, job: string) => Promise<void>,
): Promise<Report> {
  const jobs = await chosen(family, project, options, states);
  for (const { id } of jobs) await change(project, id);
  return shown(project, await statuses(project, jobs));
}

/** Throws ERR_JOB_ACTIVE where another job writes to one of the models. */
async function refuseBeside(project: JobProject, kind: JobKind, models: readonly string[]): Promise<void> {
  if (kind === 'verify') return;
  const beside = (await listed(project)).find(
    ({ plan, state }) => plan.kind !== 'verify' && models.includes(plan.model) && UNFINISHED.includes(state),
  );
  if (beside !== undefined)
    throw new FieldsealError('ERR_JOB_ACTIVE', `the job ${beside.id} writes to the rows of this model`, {
      model: beside.plan.model,
    });
}

/**
 * The job of `--job`, or those of the family that are in one of these states; null for any.
 *
 * @param none - whether there may be none
 */
async function chosen(
  { kinds, name, owns }: JobFamily,
  project: JobProject,
  options: CommandInput['options'],
  states: readonly JobRecord['state'][] | null,
  none = false,
): Promise<readonly JobRecord[]> {
  const { job, model } = options;
  const all = (await listed(project)).filter(
    ({ plan }) => kinds.includes(plan.kind) && (owns?.(plan) ?? true) && (model === undefined || plan.model === model),
  );
  if (job !== undefined) {
    const found = all.filter(({ id }) => id === job);
    if (found.length > 0) return found;
    throw new CliError('ERR_USAGE', `there is no such job of ${name}`, `See \`fieldseal ${name} status\`.`);
  }
  const found = states === null ? all : all.filter(({ state }) => states.includes(state));
  if (found.length === 0 && states !== null && !none)
    throw new CliError(
      'ERR_NO_JOB',
      `no job of ${name} is ${states.join(' or ')}`,
      `See \`fieldseal ${name} status\`; \`fieldseal ${name} start\` makes one.`,
    );
  return found;
}

/** Jobs of the database; none where there are no tables of jobs yet. */
async function listed(project: JobProject): Promise<readonly JobRecord[]> {
  try {
    return await project.control.list();
  } catch (error) {
    if (!isFieldsealError(error, 'ERR_JOB_DATABASE')) throw error;
    await project.database.query('SELECT 1', []); // a database that answers has no such table
    return [];
  }
}

function statuses(project: JobProject, jobs: readonly JobRecord[]): Promise<JobStatus[]> {
  return Promise.all(jobs.map(({ id }) => project.control.status(id)));
}

async function shown(project: JobProject, jobs: readonly JobStatus[]): Promise<Report> {
  const apart = await apartLines(project, jobs);
  return { lines: [...statusLines(jobs), ...apart], json: { jobs: jobs.map(statusJson) } };
}

/** What a job could not serve, and where to find it. */
async function apartLines(project: JobProject, jobs: readonly JobStatus[]): Promise<string[]> {
  const found: string[] = [];
  for (const { id, plan, quarantined } of jobs) {
    if (quarantined === 0) continue;
    for (const { field, code, rows: count } of await project.control.quarantine(id))
      found.push(`${plan.model}.${field} ${code}: ${count} ${count === 1 ? 'row' : 'rows'} set apart`);
    found.push(`Their keys are in fieldseal_job_quarantine, where job = '${id}'.`);
  }
  return found;
}

async function enginesOf(
  family: JobFamily,
  project: JobProject,
  input: CommandInput,
): Promise<readonly { readonly engine: JobEngine; readonly source: RowSource }[]> {
  const { options } = input;
  const kind = family.kindOf(options);
  const keys = await project.keyring();
  const wanted = namesOf(options, 'fields');
  const engines: { readonly engine: JobEngine; readonly source: RowSource }[] = [];
  for (const model of project.modelsIn(options['scope'])) {
    const { fields } = await rows(family, project, input, { model, fields: wanted }, options['scope']);
    const fitting = (field: JobEngineField): boolean => family.fits?.(field, kind, fields) ?? true;
    const names = fields.filter((field) => wanted !== undefined || fitting(field)).map(({ form }) => form.spec.field);
    if (names.length === 0) continue;
    const source = await rows(family, project, input, { model, fields: names }, options['scope']);
    engines.push({ source, engine: new JobEngine({ source, keys }) });
  }
  if (engines.length > 0) return engines;
  throw new CliError(
    'ERR_NO_JOB',
    `no field of the schema is for ${family.name}`,
    family.whenNoneFits?.(kind) ?? `See \`fieldseal ${family.name} --help\`.`,
  );
}

/** Rows of a model as the family works on them. */
async function rows(
  family: JobFamily,
  project: JobProject,
  input: CommandInput,
  { model, fields }: { readonly model: string; readonly fields: readonly string[] | undefined },
  scope: string | undefined,
): Promise<RowSource> {
  const source = project.source(model, fields, { before: await olderSchema(input.options), scope });
  return (await family.rowsOf?.(source, project, input)) ?? source;
}

function requestOf(family: JobFamily, options: CommandInput['options']) {
  const sample = numberOf(options, 'sample');
  return {
    kind: family.kindOf(options),
    fingerprint: 'fingerprint' in options,
    ...(sample === undefined ? {} : { sample }),
  };
}

async function olderSchema({ before }: CommandInput['options']): Promise<string | undefined> {
  return before === undefined ? undefined : (await readSchemaFile(before)).text;
}
