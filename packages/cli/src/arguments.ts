import { parseArgs } from 'node:util';
import { CliError } from './cli-error.ts';
import type { Command, CommandInput, CommandOption } from './command.ts';
import { nearest } from './nearest.ts';

/** Options of every command. */
export const COMMON_OPTIONS: Readonly<Record<string, CommandOption>> = {
  json: { help: 'print one JSON object instead of text' },
  help: { help: 'show this help' },
};

/**
 * Reads the arguments behind the words of a command. They are checked here rather than by parseArgs, whose messages quote values: one could
 * be a key that does not belong on a command line.
 *
 * @throws ERR_USAGE
 */
export function readArguments(
  command: Command,
  argv: readonly string[],
): Pick<CommandInput, 'options' | 'positionals'> {
  const known = { ...command.options, ...COMMON_OPTIONS };
  const types = Object.entries(known).map(([name, { value }]) => [
    name,
    { type: value === undefined ? 'boolean' : 'string' } as const,
  ]);
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...Object.fromEntries(types), help: { type: 'boolean', short: 'h' } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options: Record<string, string> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind === 'option')
      options[token.name] = optionValue(command, known, token.name, token.rawName, token.value);
  }
  if ('help' in options) return { options, positionals: [] };
  const { positionals: names } = command;
  if (positionals.length < names.length) throw usage(command, `<${names[positionals.length]}> is missing`);
  if (positionals.length > names.length) throw usage(command, 'there are too many arguments');
  return { options, positionals };
}

/** An ERR_USAGE that points to the help of a command. Returned, not thrown. */
export function usage(command: Command | undefined, message: string, meant?: string): CliError {
  const help = `See \`fieldseal ${command === undefined ? '' : `${command.name} `}--help\`.`;
  return new CliError('ERR_USAGE', message, meant === undefined ? help : `Did you mean ${meant}? ${help}`);
}

function optionValue(
  command: Command,
  known: Readonly<Record<string, CommandOption>>,
  name: string,
  rawName: string,
  value: string | undefined,
): string {
  const option = Object.hasOwn(known, name) ? known[name] : undefined;
  if (option === undefined) {
    const meant = nearest(name, Object.keys(known));
    throw usage(command, `there is no option ${rawName}`, meant === undefined ? undefined : `--${meant}`);
  }
  if (option.value === undefined) {
    if (value !== undefined) throw usage(command, `--${name} takes no value`);
    return '';
  }
  if (value === undefined || value === '') throw usage(command, `--${name} needs a value: ${option.value}`);
  if (option.choices !== undefined && !option.choices.includes(value)) {
    const meant = nearest(value, option.choices);
    throw usage(command, `--${name} is one of ${option.choices.join(', ')}`, meant);
  }
  return value;
}
