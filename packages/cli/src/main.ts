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
  stopping,
  stdin: () => text(process.stdin),
  stopped: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    }),
});

/** Turns the first request to stop into an aborted signal; the second one ends the program as it would have. */
function stopping(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
