import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BenchError } from './bench-error.ts';
import { PACKAGE, WORKSPACE } from './folders.ts';
import { SECTIONS, type Section } from './result.ts';

/** Folder of the results that are committed. */
export const REPORT: string = join(PACKAGE, 'report');

/** How the benchmarks are called. */
export const USAGE: string = `usage: node dist/main.js <command> [options]

  run      measures, and writes results.json, results.md and charts; into the committed report also docs/performance.md
  report   writes the same from a results.json that exists
  gate     fails when a result is worse than its bound

  --only ${SECTIONS.join(',')}
           these sections alone
  --quick  a short run: proves that everything works, its numbers are rough
  --out <folder>   where results.json is; by default packages/bench/report. A run that is short or of some sections has
           .cache/bench instead, so that it does not replace the committed report
  --rows 10000,100000   rows of the tables that \`search\` searches; a million takes twenty minutes to fill
  --slack <factor> lets \`gate\` pass bounds that are missed by less than this factor; 1 by default`;

/** What the command line asks for. */
export interface Options {
  readonly command: 'run' | 'report' | 'gate';
  readonly sections: readonly Section[];
  readonly quick: boolean;
  readonly out: string;
  readonly slack: number;
  /** Rows of the tables that are searched, ascending; null for the usual ones. */
  readonly rows: readonly number[] | null;
}

/** @throws BenchError that shows the usage */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parsed(args);
  const [command = '', ...rest] = positionals;
  if (!isCommand(command) || rest.length > 0) throw new BenchError(USAGE);
  const quick = values.quick === true;
  const partial = quick || (command === 'run' && values.only !== undefined);
  const folder = partial ? join(WORKSPACE, '.cache/bench') : REPORT;
  return {
    command,
    sections: values.only === undefined ? SECTIONS : sectionsOf(values.only),
    quick,
    out: values.out === undefined ? folder : resolve(values.out),
    slack: factorOf(values.slack ?? '1'),
    rows: values.rows === undefined ? null : rowsOf(values.rows),
  };
}

const OPTIONS = {
  only: { type: 'string' },
  quick: { type: 'boolean' },
  out: { type: 'string' },
  slack: { type: 'string' },
  rows: { type: 'string' },
} as const;

function parsed(
  args: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new BenchError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function isCommand(word: string): word is Options['command'] {
  return word === 'run' || word === 'report' || word === 'gate';
}

function sectionsOf(list: string): readonly Section[] {
  const words = list.split(',').map((word) => word.trim());
  const unknown = words.find((word) => !SECTIONS.some((section) => section === word));
  if (unknown !== undefined) throw new BenchError(`there is no section ${unknown}: ${SECTIONS.join(', ')}`);
  return SECTIONS.filter((section) => words.includes(section));
}

function rowsOf(list: string): readonly number[] {
  const sizes = list.split(',').map(Number);
  if (sizes.every((rows, at) => Number.isSafeInteger(rows) && rows >= 100 && rows > (sizes[at - 1] ?? 0))) return sizes;
  throw new BenchError('--rows are numbers of 100 or more, ascending, as in 10000,100000');
}

function factorOf(text: string): number {
  const factor = Number(text);
  if (!(factor >= 1)) throw new BenchError('--slack is a factor of 1 or more');
  return factor;
}
