/**
 * How the command line speaks: results on stdout, problems on stderr as `fieldseal: message` with a hint below, lower case and without a
 * full stop. With --json, stdout gets exactly one JSON object, whether the command succeeded or not.
 *
 * @module
 */
import { isFieldsealError } from '@fieldseal/core';
import { CliError } from './cli-error.ts';
import type { Io, Report } from './command.ts';
import { type ExitCode, exitCodeOf } from './exit-codes.ts';

/** Shows what a command found, and returns the exit code. */
export function showReport(io: Io, report: Report, json: boolean): ExitCode {
  io.stdout(json ? `${JSON.stringify(report.json, null, 2)}\n` : report.lines.map((line) => `${line}\n`).join(''));
  for (const warning of report.warnings ?? []) io.stderr(`fieldseal: ${warning}\n`);
  return report.exitCode ?? 0;
}

/** Shows a problem, and returns the exit code. */
export function showError(io: Io, thrown: unknown, json: boolean): ExitCode {
  const { code, message, hint } = problemOf(thrown);
  if (json) io.stdout(`${JSON.stringify({ error: { code, message, hint } }, null, 2)}\n`);
  else io.stderr(`fieldseal: ${message} [${code}]\n  hint: ${hint}\n`);
  return exitCodeOf(code);
}

function problemOf(thrown: unknown): Pick<CliError, 'message' | 'hint'> & { code: Parameters<typeof exitCodeOf>[0] } {
  if (isFieldsealError(thrown)) return { code: thrown.code, message: thrown.summary, hint: thrown.hint };
  if (thrown instanceof CliError) return thrown;
  // Only the kind of an unforeseen error is shown: nobody knows what its message holds.
  const kind = thrown instanceof Error ? thrown.name : typeof thrown;
  return new CliError(
    'ERR_UNEXPECTED',
    `an unforeseen error (${kind})`,
    'Please report it with the command that led to it, without any key.',
  );
}
