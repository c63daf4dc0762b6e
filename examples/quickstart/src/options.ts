import { parseArgs } from 'node:util';
import { EXIT_CODES, Problem } from './problem.ts';

/** What the command line asks for. */
export interface Options {
  readonly help: boolean;
  readonly json: boolean;
  readonly reset: boolean;
  /** People to make up when there are none yet. */
  readonly count: number;
  /** Folder of keyring, key and SQLite databases. */
  readonly data: string;
  /** CSV file of people, instead of made-up ones. */
  readonly importFile: string | undefined;
  /** PostgreSQL server, instead of SQLite. */
  readonly url: string | undefined;
}

const DEFAULT_COUNT = 1000;
const MAX_COUNT = 100_000;
const DEFAULT_DATA = '.data/quickstart';

/** Shown by --help. */
export const HELP = `usage: npm start -- [options]

Runs a small clinic on an encrypted database and shows what the application and the database see of it.

options:
  --import <file>  take the people from a CSV file: one per line, with a header line that names
                   the columns name and email, and any of phone, address, city, notes
  --count <n>      people to make up when there are none yet; ${DEFAULT_COUNT} by default
  --url <url>      use PostgreSQL (postgresql://…) instead of SQLite, in the schemas fieldseal_quickstart
                   and fieldseal_quickstart_plain; PGPASSWORD keeps the password off the command line
  --data <folder>  where keyring, key and SQLite files lie; ${DEFAULT_DATA} by default
  --reset          delete all that an earlier run made, its keyring too, and start afresh
  --json           print one JSON object instead
  --help           show this help

The keyring is opened by FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE if one is set, else by a key that the first
run keeps in quickstart.env beside the keyring.

exit codes:
  0 done, 1 failed, ${EXIT_CODES.usage} wrong usage or import file, ${EXIT_CODES.key} key wrong or missing, ${EXIT_CODES.keyringMissing} keyring missing, ${EXIT_CODES.keyringDamaged} keyring damaged,
  ${EXIT_CODES.readOnly} file cannot be read or written, ${EXIT_CODES.unreachable} database unreachable
`;

/** Reads the command line. Throws a Problem for wrong usage. */
export function readOptions(argv: readonly string[]): Options {
  const values = parse(argv);
  const { url } = values;
  if (url !== undefined && !/^postgres(ql)?:\/\/./.test(url)) throw wrong('--url takes a postgresql:// URL');
  const count = Number(values.count ?? DEFAULT_COUNT);
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT)
    throw wrong(`--count is a whole number from 1 to ${MAX_COUNT}`);
  if (values.import !== undefined && values.count !== undefined) throw wrong('--import and --count exclude each other');
  return {
    help: values.help ?? false,
    json: values.json ?? false,
    reset: values.reset ?? false,
    count,
    data: values.data ?? DEFAULT_DATA,
    importFile: values.import,
    url,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        help: { type: 'boolean', short: 'h' },
        json: { type: 'boolean' },
        reset: { type: 'boolean' },
        count: { type: 'string' },
        data: { type: 'string' },
        import: { type: 'string' },
        url: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw wrong(error instanceof Error ? (error.message.split('. ')[0] ?? '') : 'the options cannot be read');
  }
}

function wrong(message: string): Problem {
  return new Problem('usage', message, 'See npm start -- --help.');
}
