import { COMMON_OPTIONS } from './arguments.ts';
import type { Command, CommandOption } from './command.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { table } from './table.ts';

/** Help of the whole program. */
export function programHelp(commands: readonly Command[]): string[] {
  return [
    'usage: fieldseal <command> [options]',
    '',
    'commands:',
    ...indented(commands.map((command) => [command.name, command.summary])),
    '',
    'options:',
    ...indented([
      ['--help', 'show this help, or that of a command behind its name'],
      ['--version', 'show the version'],
      ['--json', 'print one JSON object instead of text'],
    ]),
    '',
    'environment:',
    ...indented([
      ['FIELDSEAL_KEYRING', 'path of the keyring; ./fieldseal.keyring.json by default'],
      ['FIELDSEAL_KEY', 'raw key that opens the keyring'],
      ['FIELDSEAL_PASSPHRASE', 'passphrase that opens the keyring'],
      ['FIELDSEAL_RECOVERY_KEY', 'recovery key, for commands that restore, and that change ways to open the keyring'],
      ['FIELDSEAL_BACKUP_KEY', 'key that signs backups'],
      ['FIELDSEAL_BACKUPS', 'folder of the backups; ./fieldseal-backups by default'],
      ['FIELDSEAL_REQUIRE_BACKUP', 'folder without whose backup no key is promoted'],
    ]),
    '',
    'exit codes:',
    ...indented(Object.entries(EXIT_CODES)),
  ];
}

/** Help of one command. */
export function commandHelp(command: Command): string[] {
  const positionals = command.positionals.map((name) => ` <${name}>`).join('');
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS });
  return [
    `usage: fieldseal ${command.name}${positionals} [options]`,
    '',
    ...command.details.flatMap((paragraph) => [paragraph, '']),
    'options:',
    ...indented(options.map(([name, option]) => [spelled(name, option), option.help])),
  ];
}

function spelled(name: string, { value, choices }: CommandOption): string {
  return value === undefined ? `--${name}` : `--${name} <${choices?.join('|') ?? value}>`;
}

function indented(rows: readonly (readonly string[])[]): string[] {
  return table(rows).map((line) => `  ${line}`);
}
