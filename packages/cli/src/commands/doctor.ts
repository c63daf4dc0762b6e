import { writeFile } from 'node:fs/promises';
import type { Environment } from '@fieldseal/core';
import { usage } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import type { Command, CommandInput, Report } from '../command.ts';
import { checkDatabase } from '../doctor/database-check.ts';
import { type Finding, finding } from '../doctor/finding.ts';
import { checkGenerated } from '../doctor/generated-check.ts';
import { generatorOutputs } from '../doctor/generators.ts';
import { keyDirectory, withKeyView } from '../doctor/key-directory.ts';
import { leakageHtml } from '../doctor/leakage/html-report.ts';
import { type CheckedLeakage, checkLeakage } from '../doctor/leakage/leakage-check.ts';
import { readStatistics } from '../doctor/leakage/statistics-file.ts';
import { Progress } from '../doctor/progress.ts';
import { doctorReport, type Examination } from '../doctor/report.ts';
import { type CheckedSchema, checkSchema } from '../doctor/schema-check.ts';
import { checkSource } from '../doctor/source-check.ts';
import { sourceFiles } from '../doctor/source-files.ts';
import { STORE_OPTIONS } from './keys/request.ts';

/** A statement of doctor is stopped after this time, so that it does not load a database for long. */
const STATEMENT_MS = 30_000;
/** Variable that holds the URL of the database unless another is named. */
const URL_VARIABLE = 'DATABASE_URL';

/** `fieldseal doctor` */
export const doctor: Command = {
  name: 'doctor',
  summary: 'find what is wrong with an encrypted application',
  details: [
    'Reads the schema, what was generated from it, the sources in this folder and the database, and lists what is wrong and what to\n' +
      'do. Nothing is changed, and no value is shown: only names and counts.',
    'The database is read by the driver adapter that the project has installed, in transactions that cannot write. Its URL comes from\n' +
      'the environment, since it may hold a password. With a keyring that FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE opens, the key ids and\n' +
      'index versions of the rows are compared with it; --key-store and --key-store-url-env name where its keys lie otherwise.',
    'With --leakage it also measures what indexes and lengths give away to who reads the database without a key: it decrypts a sample of\n' +
      'the rows in memory, and runs a frequency attack on the index terms. The report holds counts and shares only.',
    'Ends with 8 when errors are found; warnings and notes do not count, unless --strict makes warnings count.',
  ],
  positionals: [],
  options: {
    schema: {
      value: 'path',
      help: 'schema file or folder; prisma/schema.prisma, schema.prisma or prisma/schema by default',
    },
    ...STORE_OPTIONS,
    'url-env': {
      value: 'variable',
      help: `environment variable with the URL of the database; ${URL_VARIABLE} by default`,
    },
    'no-database': { help: 'do not look at the database' },
    sample: { value: 'rows', help: 'look at so many rows of each table; by default all, for 30 s per column at most' },
    leakage: {
      help: 'measure what indexes and lengths give away, on 100000 rows of each table unless --sample says otherwise',
    },
    html: { value: 'file', help: 'with --leakage: write the report as one HTML file, too' },
    statistics: {
      value: 'path',
      help: 'with --leakage: what the attacker knows, a Model.column.csv of lines "value,count" or a folder of them',
    },
    strict: { help: 'warnings count as errors' },
  },
  audit: 'none',
  run: examine,
};

async function examine(input: CommandInput): Promise<Report> {
  const { options, env, io } = input;
  const project = process.cwd();
  const sample = sampleOf(options['sample']);
  const url = urlOf(options, env);
  const statistics = await statisticsOf(options);
  const progress = new Progress(io);
  try {
    const schema = await checkSchema(options['schema']);
    progress.step('reading the sources');
    const outputs = schema.file === null ? [] : generatorOutputs(schema.file, project);
    const sources = await sourceFiles(
      project,
      outputs.map(({ folder }) => folder),
    );
    const findings = [
      ...schema.findings,
      ...(schema.file === null || schema.map === null ? [] : await checkGenerated(schema.file, schema.map, project)),
      ...checkSource(sources.files),
      ...(sources.more ? [finding('source.bounded', '.', `only ${sources.files.length} source files were read`)] : []),
    ];
    const request = { input, project, sample, progress };
    const database = await examineDatabase(schema, url, request);
    const { leakage, findings: leaks } =
      statistics === null || database.database !== 'checked'
        ? NOT_MEASURED
        : await examineLeakage(schema, url, { ...request, statistics });
    if (leakage !== null && options['html'] !== undefined)
      await writeHtml(options['html'], leakageHtml(leakage, leaks, new Date().toISOString().slice(0, 10)));
    const report = {
      schema: schema.file === null ? null : { path: schema.file.path, provider: schema.file.provider },
      ...sizeOf(schema),
      sourceFiles: sources.files.length,
      ...database,
      findings: [...findings, ...database.findings, ...leaks],
      leakage,
    };
    return doctorReport(report, 'strict' in options);
  } finally {
    progress.end();
  }
}

interface DatabaseRequest {
  readonly input: CommandInput;
  readonly project: string;
  readonly sample: number | null;
  readonly progress: Progress;
}

async function examineDatabase(
  { file, map }: CheckedSchema,
  url: string | Finding | null,
  { input, ...request }: DatabaseRequest,
): Promise<Pick<Examination, 'database' | 'keyring' | 'fields' | 'findings'>> {
  if (typeof url !== 'string' || file === null || map === null)
    return { database: 'skipped', keyring: 'skipped', fields: [], findings: url instanceof Object ? [url] : [] };
  const keys = await keyDirectory(doctor, input);
  const closed = typeof keys === 'string';
  const { findings, fields, reached } = await checkDatabase(file, map, {
    ...request,
    url,
    timeoutMs: STATEMENT_MS,
    keys: closed ? null : keys,
  });
  return {
    database: reached ? 'checked' : 'failed',
    keyring: closed ? 'closed' : 'open',
    fields,
    findings: [...(closed ? [finding('keyring.closed', 'keyring', keys)] : []), ...findings],
  };
}

const NOT_MEASURED: CheckedLeakage = { leakage: null, findings: [] };

async function examineLeakage(
  { file, map }: CheckedSchema,
  url: string | Finding | null,
  { input, statistics, ...request }: DatabaseRequest & { readonly statistics: Statistics },
): Promise<CheckedLeakage> {
  if (typeof url !== 'string' || file === null || map === null) return NOT_MEASURED;
  return withKeyView(doctor, input, (view) =>
    checkLeakage(file, map, { ...request, url, timeoutMs: STATEMENT_MS, view, statistics }),
  );
}

type Statistics = Awaited<ReturnType<typeof readStatistics>>;

/** What the attacker knows, null when leakage is not to be measured. */
async function statisticsOf(options: CommandInput['options']): Promise<Statistics | null> {
  if ('leakage' in options) {
    if ('no-database' in options) throw usage(doctor, '--leakage needs the database');
    return options['statistics'] === undefined ? new Map() : readStatistics(options['statistics']);
  }
  const stray = ['html', 'statistics'].find((name) => name in options);
  if (stray !== undefined) throw usage(doctor, `--${stray} needs --leakage`);
  return null;
}

async function writeHtml(path: string, html: string): Promise<void> {
  await writeFile(path, html).catch((error: unknown) => {
    throw new CliError('ERR_FILE_IO', `${path} cannot be written`, 'Check the path and its permissions.', error);
  });
}

/** The URL of the database, null when it is not to be looked at, or the finding that there is none. */
function urlOf(options: CommandInput['options'], env: Environment): string | Finding | null {
  if ('no-database' in options) return null;
  const name = options['url-env'] ?? URL_VARIABLE;
  const url = env[name];
  if (url) return url;
  if ('url-env' in options) throw usage(doctor, `the variable that --url-env names is not set`);
  return finding('database.skipped', 'database', `${URL_VARIABLE} is not set`);
}

function sampleOf(given: string | undefined): number | null {
  if (given === undefined) return null;
  const rows = Number(given);
  if (!Number.isSafeInteger(rows) || rows < 1) throw usage(doctor, '--sample needs a number of rows, 1 or more');
  return rows;
}

function sizeOf({ map }: CheckedSchema): Pick<Examination, 'models' | 'encryptedFields' | 'indexes'> {
  const models = Object.values(map?.models ?? {}).filter(({ encrypted }) => Object.keys(encrypted).length > 0);
  const count = (of: 'encrypted' | 'indexes'): number =>
    models.reduce((sum, model) => sum + Object.keys(model[of]).length, 0);
  return { models: models.length, encryptedFields: count('encrypted'), indexes: count('indexes') };
}
