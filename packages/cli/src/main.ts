import { text } from 'node:stream/consumers';
import { run } from './run.ts';

// A reader that has seen enough, as `| head` has, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await run(process.argv.slice(2), process.env, {
  stdout: (line) => process.stdout.write(line),
  stderr: (line) => process.stderr.write(line),
  interactive: process.stderr.isTTY === true,
  stdin: () => text(process.stdin),
});
