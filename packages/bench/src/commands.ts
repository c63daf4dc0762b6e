import { BOUNDS } from './bounds.ts';
import { boundsOf, judge } from './gate.ts';
import { CANDIDATES } from './micro/candidates.ts';
import type { Options } from './options.ts';
import { digits } from './report/format.ts';
import { readResults, writeReport } from './report/write-report.ts';
import { runSections } from './run.ts';

/** A run succeeds without them: what others publish may be gone. The gate does not open without those that it needs. */
const RIVALS: ReadonlySet<string> = new Set([
  'prisma-field-encryption',
  ...CANDIDATES.filter(({ rival }) => rival).map(({ name }) => name),
]);

/** What each command does; it resolves to the exit code. */
export const COMMANDS: Readonly<Record<Options['command'], (options: Options) => Promise<number>>> = {
  run: async (options) => {
    const results = await runSections(options);
    say(writeReport(options.out, results).map((path) => `wrote ${path}`));
    return results.absent.every(({ candidate }) => RIVALS.has(candidate)) ? 0 : 1;
  },
  report: async ({ out }) => {
    say(writeReport(out, readResults(out)).map((path) => `wrote ${path}`));
    return 0;
  },
  gate: async ({ out, sections, slack }) => {
    const verdicts = judge(boundsOf(BOUNDS, sections), readResults(out), slack);
    say(
      verdicts.map(({ bound, found, verdict }) => {
        const value = found === null ? '' : `: ${digits(found.median)}, ${bound.sense} ${digits(bound.limit)}`;
        const against = bound.against === null ? '' : ` against ${bound.against}`;
        return `${verdict.padEnd(12)} ${bound.section}, ${bound.case}, ${bound.candidate}${against}${value}`;
      }),
    );
    return verdicts.every(({ verdict }) => verdict === 'met') ? 0 : 1;
  },
};

function say(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}
