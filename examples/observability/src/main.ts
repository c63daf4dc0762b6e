import { parseArgs } from 'node:util';
import { FieldsealError } from '@fieldseal/core';
import { observability } from './observability.ts';

const HELP = `usage: node examples/observability/dist/main.js [--for <seconds>s] [--port <number>]

The clinic of the quickstart under load, with its monitor, alerts, an audit log and a dashboard in the browser. It ends with Ctrl+C,
or after the time that --for names, and leaves nothing behind.
`;

try {
  const { values } = parseArgs({
    options: { for: { type: 'string' }, port: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) process.stdout.write(HELP);
  else {
    const seconds = values.for === undefined ? null : Number(/^(\d+)s$/.exec(values.for)?.[1]);
    const port = Number(values.port ?? (seconds === null ? 9470 : 0));
    if (Number.isNaN(seconds) || !Number.isInteger(port)) throw new FieldsealError('ERR_OPTIONS', 'see --help');
    const stop = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
    await observability({
      port,
      forMs: seconds === null ? null : seconds * 1000,
      stop: stop.signal,
      say: (line) => process.stdout.write(`${line}\n`),
    });
  }
} catch (error) {
  process.stderr.write(`observability: ${error instanceof Error ? error.message : 'an unforeseen error'}\n`);
  process.exitCode = 1;
}
