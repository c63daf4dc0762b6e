/**
 * Values of the options of job commands. Wrong ones are refused before anything is opened.
 *
 * @module
 */
import { CliError } from '../cli-error.ts';
import type { CommandInput, CommandOption } from '../command.ts';

/** Options that set how a job runs, and the setting that each is. */
const SETTINGS: Readonly<Record<string, readonly [setting: string, help: string]>> = {
  'rows-per-second': ['rowsPerSecond', 'the most rows a second and worker; 0 for no limit'],
  'batch-rows': ['batchRows', 'the most rows of a transaction; 500 by default'],
  'batch-ms': ['batchMs', 'how long a batch should take, in ms; 200 by default'],
  'lease-ms': ['leaseMs', 'after so many ms without a sign of life another worker takes over; 15000 by default'],
  'error-rows': ['errorRows', 'the job pauses beyond so many quarantined rows; 100 by default'],
  'error-share': ['errorShare', 'or beyond this share of the rows, if that is more; 0.0001 by default'],
};

/** The options of {@link settingsOf}. */
export const SETTING_OPTIONS: Readonly<Record<string, CommandOption>> = Object.fromEntries(
  Object.entries(SETTINGS).map(([name, [, help]]) => [name, { value: 'number', help }]),
);

/** Settings that the options name. Throws ERR_USAGE for what is no number; the job itself knows the bounds. */
export function settingsOf(options: CommandInput['options']): Readonly<Record<string, number>> {
  const given = Object.entries(SETTINGS).flatMap(([name, [setting]]) => {
    const value = numberOf(options, name);
    return value === undefined ? [] : [[setting, value] as const];
  });
  return Object.fromEntries(given);
}

/** A number, or undefined where the option was not given. Throws ERR_USAGE. */
export function numberOf(options: CommandInput['options'], name: string): number | undefined {
  const given = options[name];
  if (given === undefined) return undefined;
  const value = Number(given);
  if (given.trim() !== '' && Number.isFinite(value)) return value;
  throw new CliError('ERR_USAGE', `--${name} needs a number`, 'Write it in digits, as in 500 or 0.01.');
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A time in ms, as 500ms, 30s, 5m or 1h say it; undefined where the option was not given. Throws ERR_USAGE. */
export function durationOf(options: CommandInput['options'], name: string): number | undefined {
  const given = options[name];
  if (given === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(given) ?? [];
  if (digits === undefined || unit === undefined)
    throw new CliError('ERR_USAGE', `--${name} needs a time`, 'Write it as 500ms, 30s, 5m or 1h.');
  return Number(digits) * (UNITS[unit] as number);
}

/** Names between commas; undefined where the option was not given. */
export function namesOf(options: CommandInput['options'], name: string): readonly string[] | undefined {
  return options[name]?.split(',').map((item) => item.trim());
}
