import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nodeHandler, startMonitor } from '@fieldseal/monitor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../src/run.ts';
import { fieldseal } from './harness.ts';

const TOKEN = 'some token of a monitor';
const monitor = startMonitor({ endpoints: { token: TOKEN } });
const app = createServer(nodeHandler(monitor.endpoints));
let from = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  from = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
});
afterAll(async () => {
  app.close();
  await monitor.stop();
});

/** Serves until `ask` is done with what stands on stderr. */
async function served(
  env: Record<string, string>,
  ask: (shown: string, stdout: () => string) => Promise<void>,
): Promise<number> {
  let stderr = '';
  let stdout = '';
  return run(
    ['monitor', 'serve', '--from', from, '--port', '0'],
    { FIELDSEAL_MONITOR_TOKEN: TOKEN, ...env },
    {
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      stdin: async () => '',
      stopped: () => ask(stderr, () => stdout),
    },
  );
}

test('it serves the page until it is stopped, and the address that it shows signs in', async () => {
  let url = '';
  const code = await served({}, async (stderr, stdout) => {
    const [, origin = '', token = ''] = /open (\S+)\/#token=(\S+) once/.exec(stderr) ?? [];
    url = origin;
    expect(await (await fetch(origin)).text()).toContain('<title>Fieldseal</title>');
    expect((await fetch(`${origin}/api/view`)).status).toBe(401);
    const view = await fetch(`${origin}/api/view`, { headers: { authorization: `Bearer ${token}` } });
    expect([view.status, await view.json()]).toEqual([200, expect.objectContaining({ state: 'missing' })]);
    expect(stdout()).toBe('');
  });
  expect(code).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});

test('a token of the environment is used, and not repeated', async () => {
  const token = 'a token of some length';
  await served({ FIELDSEAL_DASHBOARD_TOKEN: token }, async (stderr) => {
    const [, url = ''] = /is at (\S+)/.exec(stderr) ?? [];
    expect(stderr).not.toContain(token);
    expect((await fetch(`${url}/api/view`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  });
});

test.each<[readonly string[], Record<string, string>, number]>([
  [[], {}, 3],
  [['--port', 'x'], { FIELDSEAL_MONITOR_TOKEN: TOKEN }, 2],
  [['--port', '70000'], { FIELDSEAL_MONITOR_TOKEN: TOKEN }, 2],
  [['--from', 'http://monitor.example'], { FIELDSEAL_MONITOR_TOKEN: TOKEN }, 2],
  [[], { FIELDSEAL_MONITOR_TOKEN: TOKEN, FIELDSEAL_DASHBOARD_TOKEN: 'short' }, 2],
  [['--token', 'x'], { FIELDSEAL_MONITOR_TOKEN: TOKEN }, 2],
])('%j with %j is refused', async (argv, env, expected) => {
  const { code, stderr } = await fieldseal(['monitor', 'serve', ...argv], env);
  expect(code).toBe(expected);
  expect(stderr).not.toContain(TOKEN);
});
