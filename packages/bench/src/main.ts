import { BenchError } from './bench-error.ts';
import type { ChildJob } from './child.ts';

/** A job gets its task and gives what is printed as JSON. Imported when asked for: a fresh process must not pay for the others. */
const CHILDREN: Readonly<Record<ChildJob, () => Promise<(task: never) => Promise<object>>>> = {
  micro: async () => (await import('./micro/micro-child.ts')).measureCandidate,
  queries: async () => (await import('./queries/query-child.ts')).measureQueries,
  start: async () => (await import('./start-child.ts')).measureStart,
  concurrency: async () => (await import('./concurrency-child.ts')).measureConcurrency,
  growth: async () => (await import('./growth-child.ts')).measureGrowth,
  cache: async () => (await import('./cache-child.ts')).measureCache,
  backup: async () => (await import('./backup-child.ts')).measureBackup,
  search: async () => (await import('./search/search-child.ts')).measureSearch,
  timing: async () => (await import('./timing-child.ts')).measureTiming,
};

async function main(args: readonly string[]): Promise<number> {
  if (args[0] === 'child') {
    const job = await CHILDREN[args[1] as ChildJob]();
    const found = await job(JSON.parse(args[2] ?? '') as never);
    process.stdout.write(`\n${JSON.stringify(found)}\n`);
    return 0;
  }
  const { parseOptions } = await import('./options.ts');
  const options = parseOptions(args);
  const { COMMANDS } = await import('./commands.ts');
  return COMMANDS[options.command](options);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const text = error instanceof BenchError ? error.message : ((error as Error).stack ?? String(error));
  // The parent of a child shows the last line.
  const message = process.argv[2] === 'child' ? `${(error as Error).message ?? error}`.replaceAll('\n', ' ') : text;
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
