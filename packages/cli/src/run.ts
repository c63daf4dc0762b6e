import { readFileSync } from 'node:fs';
import type { Environment } from '@fieldseal/core';
import { readArguments, usage } from './arguments.ts';
import type { Command, Io } from './command.ts';
import { auditCheckpoint } from './commands/audit/checkpoint.ts';
import { auditKey } from './commands/audit/key.ts';
import { entered } from './commands/audit/operator-log.ts';
import { auditTail } from './commands/audit/tail.ts';
import { auditVerify } from './commands/audit/verify.ts';
import { backfill } from './commands/backfill.ts';
import { backupCreate } from './commands/backup/create.ts';
import { backupDrill } from './commands/backup/drill.ts';
import { backupExport } from './commands/backup/export.ts';
import { backupImport } from './commands/backup/import.ts';
import { backupKey } from './commands/backup/key.ts';
import { backupList } from './commands/backup/list.ts';
import { backupPrune } from './commands/backup/prune.ts';
import { backupRestore } from './commands/backup/restore.ts';
import { backupRun } from './commands/backup/run.ts';
import { backupSheet } from './commands/backup/sheet.ts';
import { backupVerify } from './commands/backup/verify.ts';
import { census } from './commands/census.ts';
import { constraints } from './commands/constraints.ts';
import { doctor } from './commands/doctor.ts';
import { fleetDestroy } from './commands/fleet/destroy.ts';
import { fleetPromote } from './commands/fleet/promote.ts';
import { fleetStatus } from './commands/fleet/status.ts';
import { indexRotate } from './commands/indexes/rotate.ts';
import { indexStatus } from './commands/indexes/status.ts';
import { init } from './commands/init.ts';
import { inspect } from './commands/inspect.ts';
import { keyringAddKey } from './commands/keyring-add-key.ts';
import { keyringRemoveSlot } from './commands/keyring-remove-slot.ts';
import { keyringShow } from './commands/keyring-show.ts';
import { keysAdd } from './commands/keys/add.ts';
import { keysCancel } from './commands/keys/cancel.ts';
import { keysCensus } from './commands/keys/census.ts';
import { keysDestroy } from './commands/keys/destroy.ts';
import { keysDisable } from './commands/keys/disable.ts';
import { keysEnable } from './commands/keys/enable.ts';
import { keysList } from './commands/keys/list.ts';
import { keysPromote } from './commands/keys/promote.ts';
import { keysShred } from './commands/keys/shred.ts';
import { keysTable } from './commands/keys/table.ts';
import { migrate } from './commands/migrate.ts';
import { migrateSchema } from './commands/migrate-schema.ts';
import { monitorDashboard, monitorRules } from './commands/monitor.ts';
import { monitorServe } from './commands/monitor-serve.ts';
import { rewrap } from './commands/rewrap.ts';
import { rotate } from './commands/rotate.ts';
import { sharesActivate } from './commands/shares/activate.ts';
import { sharesCombine } from './commands/shares/combine.ts';
import { sharesSplit } from './commands/shares/split.ts';
import { sharesVerify } from './commands/shares/verify.ts';
import { tpmEnroll } from './commands/tpm/enroll.ts';
import { tpmRemove } from './commands/tpm/remove.ts';
import { tpmReseal } from './commands/tpm/reseal.ts';
import { tpmSignPolicy } from './commands/tpm/sign-policy.ts';
import { tpmStatusCommand } from './commands/tpm/status.ts';
import { tpmUnsealCheck } from './commands/tpm/unseal-check.ts';
import { verify } from './commands/verify.ts';
import type { ExitCode } from './exit-codes.ts';
import { commandHelp, programHelp } from './help.ts';
import { nearest } from './nearest.ts';
import { showError, showReport } from './output.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  init,
  keyringShow,
  keyringAddKey,
  keyringRemoveSlot,
  keysList,
  keysAdd,
  keysPromote,
  keysDisable,
  keysEnable,
  keysDestroy,
  keysCancel,
  keysShred,
  keysCensus,
  keysTable,
  inspect,
  constraints,
  doctor,
  monitorRules,
  monitorDashboard,
  monitorServe,
  census,
  backfill,
  migrateSchema,
  migrate,
  rotate,
  rewrap,
  verify,
  fleetPromote,
  fleetDestroy,
  fleetStatus,
  indexStatus,
  indexRotate,
  backupKey,
  backupCreate,
  backupList,
  backupVerify,
  backupDrill,
  backupRestore,
  backupRun,
  backupPrune,
  backupExport,
  backupImport,
  backupSheet,
  sharesSplit,
  sharesVerify,
  sharesActivate,
  sharesCombine,
  auditTail,
  auditVerify,
  auditCheckpoint,
  auditKey,
  tpmStatusCommand,
  tpmEnroll,
  tpmReseal,
  tpmUnsealCheck,
  tpmSignPolicy,
  tpmRemove,
];

/**
 * Runs the command line and returns its exit code. It never throws, and touches the process only through `io`.
 *
 * @param argv - arguments without the program's name
 */
export async function run(argv: readonly string[], env: Environment, io: Io): Promise<ExitCode> {
  const json = argv.includes('--json');
  try {
    const [first] = argv;
    if (first === undefined) {
      io.stderr(text(programHelp(COMMANDS)));
      return 2;
    }
    if (first === '--help' || first === '-h') return say(io, programHelp(COMMANDS));
    if (first === 'help') return say(io, programHelp(COMMANDS));
    if (first === '--version') return say(io, [json ? JSON.stringify({ version: version() }) : version()]);
    const group = groupOf(argv);
    if (group !== null) {
      if (argv.length > 1) return say(io, programHelp(group));
      io.stderr(text(programHelp(group)));
      return 2;
    }
    const command = find(argv);
    const { options, positionals } = readArguments(command, argv.slice(wordsOf(command).length));
    if ('help' in options) return say(io, commandHelp(command));
    const input = { options, positionals, env, io };
    return showReport(io, await entered(command, input, () => command.run(input)), json);
  } catch (error) {
    return showError(io, error, json);
  }
}

function find(argv: readonly string[]): Command {
  const found = COMMANDS.find((command) => wordsOf(command).every((word, at) => word === argv[at]));
  if (found !== undefined) return found;
  if (argv[0]?.startsWith('-')) throw usage(undefined, 'the command comes first');
  const end = argv.findIndex((word) => word.startsWith('-'));
  const words = argv.slice(0, end === -1 ? undefined : end).slice(0, 2);
  const names = COMMANDS.map((command) => command.name);
  const meant = nearest(words.join(' '), names) ?? nearest(words[0] ?? '', names);
  throw usage(undefined, 'there is no such command', meant === undefined ? undefined : `\`fieldseal ${meant}\``);
}

/** The commands that share a first word, where that word stands alone or is asked for help. */
function groupOf(argv: readonly string[]): readonly Command[] | null {
  const [first, second] = argv;
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  const alone = second === undefined || second === '--help' || second === '-h';
  return alone && group.length > 0 && !COMMANDS.some(({ name }) => name === first) ? group : null;
}

function wordsOf(command: Command): readonly string[] {
  return command.name.split(' ');
}

function say(io: Io, lines: readonly string[]): ExitCode {
  io.stdout(text(lines));
  return 0;
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (manifest as { readonly version: string }).version;
}
