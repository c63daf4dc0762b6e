import { access, constants, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type BackupPoint,
  checkSignature,
  type DrillEvidence,
  type DrillResult,
  listBackups,
  readKeyring,
  runSchedule,
  type ScheduleState,
} from '@fieldseal/backup';
import type { Monitor } from '@fieldseal/monitor';
import { usage } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { durationOf } from '../../jobs/job-options.ts';
import { table } from '../../table.ts';
import { entered } from '../audit/operator-log.ts';
import { backupCreate, create, recipientsIn } from './create.ts';
import { backupDrill, drill } from './drill.ts';
import { backupPrune, COUNTS, prune } from './prune.ts';
import { keyringOf, placeOf, verifiersOf } from './request.ts';

/** `fieldseal backup run` */
export const backupRun: Command = {
  name: 'backup run',
  summary: 'make backups on a schedule, prune them, and practise restoring',
  details: [
    'Makes a backup when the newest one is as old as --every, and as soon as the keyring was changed; with --once whatever is due now, for cron or a\n' +
      'Kubernetes job. What fails is told of, tried again, and does not end it. SIGINT and SIGTERM do, between two tasks.',
    'With --drill-every the newest backup is opened as `backup drill` does, which needs --identity and a key that opens the keyring: it is better run by a second\n' +
      '`backup run` on another machine, with --no-create. With --prune old backups go, by the counts of `backup prune`.',
    'Each task is told on stderr as it ends, with --json as a JSON object a line; stdout has what was measured, at the end. --metrics writes what was measured for the textfile collector of node_exporter: when the last backup and drill were, and how long a recovery takes.',
  ],
  positionals: [],
  options: {
    every: { value: 'time', help: 'age from which a newer backup is made, as 15m or 1h; 15m by default' },
    once: { help: 'do what is due and end' },
    'no-create': { help: 'make no backups, only drills' },
    ...backupCreate.options,
    prune: { help: 'remove old backups that nothing needs, after each that was made; needs --identity' },
    ...COUNTS,
    ...backupDrill.options,
    rows: { help: 'with the rows of the database; a drill opens a sample of them' },
    'drill-every': { value: 'time', help: 'time between drills, as 24h; none by default' },
    evidence: { value: 'folder', help: 'where the signed evidence of each drill is written' },
    metrics: { value: 'file', help: 'file of metrics, ending in .prom' },
  },
  audit: 'command',
  run,
};

const EVERY_MS = 15 * 60_000;

async function run(input: CommandInput): Promise<Report> {
  const { options, io } = input;
  const times = timesOf(input);
  const keys = await verifiersOf(input);
  const [{ target }, { storage }] = [placeOf(input), keyringOf(input)];
  if (!('no-create' in options)) await recipientsIn(input); // what is mistyped is told at once, not at night
  const newest = async (): Promise<BackupPoint | null> => {
    const last = (await listBackups(target)).backups.at(-1);
    if (last === undefined) return null;
    const { generation, keyringId } = await checkSignature(target, last.name, keys);
    // One of another keyring, in the same place, holds nothing of this one.
    if (!('no-create' in options) && keyringId !== (await readKeyring(storage)).id) return null;
    return { created: last.created, generation };
  };
  const metrics = await MetricsFile.open(options['metrics']);
  const state = await runSchedule(
    {
      newest,
      generation: async () => (await readKeyring(storage)).generation,
      ...('no-create' in options ? {} : { create: () => created(input) }),
      ...('prune' in options && {
        prune: async () => {
          const applied = { ...input, options: { ...options, apply: '' } };
          await entered(backupPrune, applied, () => prune(applied));
        },
      }),
      ...(times.drillEveryMs !== null && { drill: () => drilled(input) }),
    },
    times,
    {
      once: 'once' in options,
      ...(io.stopping !== undefined && { signal: io.stopping() }),
      tell: ({ task, error, message, at, state: so }) => {
        const time = new Date(at).toISOString();
        io.stderr(
          'json' in options
            ? `${JSON.stringify({ task, error, message, at: time, ...shown(so) })}\n`
            : `${time} ${task}: ${message === null ? 'done' : `${message.replace(/\.$/, '')}; it is tried again`}\n`,
        );
        metrics?.write();
      },
    },
  ).finally(() => metrics?.close());
  return {
    lines: table([
      ['backups made', String(state.made)],
      ['failures', String(state.failures)],
      ['newest', state.newest === null ? 'none' : new Date(state.newest.created).toISOString()],
      ['longest time between two (RPO)', seconds(state.longestGapMs)],
      [
        'recovery time of the last drill (RTO)',
        seconds(state.recoverySeconds === null ? null : state.recoverySeconds * 1000),
      ],
    ]),
    json: shown(state),
    exitCode: state.failures > 0 && 'once' in options ? FAILED : 0,
  };
}

/** A task of a single run failed. */
const FAILED = 12;

/** The times that the options name, once they fit together. */
function timesOf({ options }: CommandInput): { readonly everyMs: number; readonly drillEveryMs: number | null } {
  const drillEveryMs = durationOf(options, 'drill-every') ?? null;
  if ('no-create' in options && drillEveryMs === null)
    throw usage(backupRun, 'without backups and drills there is nothing to do');
  for (const name of ['prune', 'drill-every'])
    if (name in options && options['identity'] === undefined) throw usage(backupRun, `--${name} needs --identity`);
  if (!('no-create' in options) && options['recipient'] === undefined && options['recipients-file'] === undefined)
    throw usage(backupRun, 'a backup needs --recipient or --recipients-file');
  return { everyMs: durationOf(options, 'every') ?? EVERY_MS, drillEveryMs };
}

async function created(input: CommandInput): Promise<BackupPoint> {
  const { json } = await entered(backupCreate, input, () => create(input));
  const { created: at, generation } = json as { readonly created: string; readonly generation: number };
  return { created: Date.parse(at), generation };
}

async function drilled(input: CommandInput): Promise<DrillResult> {
  const folder = input.options['evidence'];
  if (folder !== undefined) await mkdir(folder, { recursive: true });
  const stamp = new Date().toISOString().replace(/[-:]/g, '');
  const evidence = folder === undefined ? {} : { evidence: join(folder, `drill-${stamp}.json`) };
  const { evidence: _, ...options } = input.options;
  const { json } = await drill({ ...input, options: { ...options, ...evidence } });
  const { faults, recoveryTimeSeconds } = json as DrillEvidence;
  return { ok: faults.length === 0, seconds: recoveryTimeSeconds };
}

function shown({ made, failures, newest, longestGapMs, recoverySeconds }: ScheduleState): object {
  return {
    made,
    failures,
    newest: newest === null ? null : { ...newest, created: new Date(newest.created).toISOString() },
    longestGapSeconds: longestGapMs === null ? null : longestGapMs / 1000,
    recoverySeconds,
  };
}

function seconds(ms: number | null): string {
  return ms === null ? 'not measured' : `${(ms / 1000).toFixed(1)} s`;
}

/** Metrics of this process in a file, which is replaced as a whole: a reader never sees half of one. */
class MetricsFile {
  readonly #path: string;
  readonly #monitor: Monitor;
  readonly #text: (metrics: Monitor['metrics']) => string;
  #writing: Promise<unknown> = Promise.resolve();

  static async open(path: string | undefined): Promise<MetricsFile | null> {
    if (path === undefined) return null;
    if (!path.endsWith('.prom')) throw usage(backupRun, '--metrics names a file that ends in .prom');
    await access(dirname(path), constants.W_OK).catch((cause: unknown) => {
      throw new CliError('ERR_FILE_IO', `${path} cannot be written`, 'Check the folder and its permissions.', cause);
    });
    const { prometheusText, startMonitor } = await import('@fieldseal/monitor');
    return new MetricsFile(path, startMonitor(), prometheusText);
  }

  private constructor(path: string, monitor: Monitor, text: (metrics: Monitor['metrics']) => string) {
    this.#path = path;
    this.#monitor = monitor;
    this.#text = text;
  }

  /** Writes what is known now, behind what is being written. */
  write(): void {
    const text = this.#text(this.#monitor.metrics);
    this.#writing = this.#writing.then(async () => {
      await writeFile(`${this.#path}.part`, text);
      await rename(`${this.#path}.part`, this.#path);
    });
    this.#writing.catch(() => undefined); // told by close
  }

  /** Throws ERR_FILE_IO when something could not be written. */
  async close(): Promise<void> {
    await this.#monitor.stop();
    await this.#writing.catch((cause: unknown) => {
      throw new CliError(
        'ERR_FILE_IO',
        `${this.#path} cannot be written`,
        'Check the folder and its permissions.',
        cause,
      );
    });
  }
}
