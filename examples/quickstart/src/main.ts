import { HELP, readOptions } from './options.ts';
import { explain } from './problem.ts';
import { quickstart } from './quickstart.ts';
import { type Screen, terminal } from './screen.ts';

const SILENT: Screen = { section: () => {} };

async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = readOptions(argv);
    if (options.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const results = await quickstart(options, process.env, options.json ? SILENT : terminal());
    if (options.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
    return 0;
  } catch (error) {
    const { code, message, hint, exitCode } = explain(error);
    if (argv.includes('--json'))
      process.stdout.write(`${JSON.stringify({ error: { code, message, hint } }, null, 2)}\n`);
    else process.stderr.write(`quickstart: ${message} [${code}]\n  hint: ${hint}\n`);
    return exitCode;
  }
}

// A reader that has seen enough, as `| head` has, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
