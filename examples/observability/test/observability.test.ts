import { expect, test } from 'vitest';
import { observability } from '../src/observability.ts';

test('the clinic under load raises alerts for damaged rows, shows its dashboard, and leaves an audit log that verifies', async () => {
  const lines: string[] = [];
  const stop = new AbortController();
  let page = '';
  const outcome = await observability({
    port: 0,
    forMs: null,
    stop: stop.signal,
    say: (line) => {
      lines.push(line);
      const [, url] = /dashboard is at (\S+)\. /.exec(line) ?? [];
      if (url !== undefined)
        void fetch(url).then(async (response) => {
          page = await response.text();
        });
      // As soon as the damage was told of: no time is waited for.
      if (line.startsWith('alert: firing')) stop.abort();
    },
  });
  expect(outcome).toMatchObject({ auditWhole: true, alerts: expect.arrayContaining(['decrypt-failure-burst']) });
  expect(outcome.failed).toBeGreaterThan(5);
  expect(outcome.queries).toBeGreaterThan(outcome.failed);
  expect(outcome.auditEntries).toBeGreaterThan(10);
  expect(page).toContain('<title>Fieldseal</title>');
  expect(lines.at(-1)).toContain('whole and witnessed');
});
