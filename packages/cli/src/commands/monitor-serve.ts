import { FieldsealError } from '@fieldseal/core';
import { usage } from '../arguments.ts';
import type { Command } from '../command.ts';

const SHORTEST_TOKEN = 16;

/** `fieldseal monitor serve` */
export const monitorServe: Command = {
  name: 'monitor serve',
  summary: 'serve a web page that shows how the encryption is doing',
  details: [
    'Serves a dashboard over the monitor of an application, until it is interrupted: health, throughput, latency, keys, cache, jobs, backups, alerts and\n' +
      'the last entries of the audit log. It reads only, but for the acknowledgement of alerts.',
    'FIELDSEAL_MONITOR_TOKEN is the token of the endpoints of the application. FIELDSEAL_DASHBOARD_TOKEN is the one that the page asks for; without it one is\n' +
      'generated, and an address that signs a browser in is shown once on stderr. It speaks http on this machine only; to others through a proxy with https.',
  ],
  positionals: [],
  options: {
    from: { value: 'address', help: 'where the application serves its endpoints; http://127.0.0.1:9464 by default' },
    port: { value: 'number', help: 'port of the dashboard; 9470 by default, 0 for one that is free' },
    host: { value: 'address', help: 'address that it listens on; 127.0.0.1 by default' },
  },
  audit: 'none',
  run: async ({ options, env, io }) => {
    const port = Number(options['port'] ?? 9470);
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      throw usage(monitorServe, '--port is a number up to 65535');
    const monitorToken = env['FIELDSEAL_MONITOR_TOKEN'];
    if (monitorToken === undefined || monitorToken === '')
      throw new FieldsealError('ERR_KEY_MISSING', 'the token of the monitor is missing', {
        hint: 'Set FIELDSEAL_MONITOR_TOKEN to what the application gives as `endpoints: { token }`.',
      });
    const given = env['FIELDSEAL_DASHBOARD_TOKEN'] || undefined;
    if (given !== undefined && given.length < SHORTEST_TOKEN)
      throw new FieldsealError('ERR_OPTIONS', 'FIELDSEAL_DASHBOARD_TOKEN has 16 characters at least');
    const { remoteSource, serveDashboard } = await import('@fieldseal/dashboard');
    const source = remoteSource({ url: options['from'] ?? 'http://127.0.0.1:9464', token: monitorToken });
    const host = options['host'];
    const server = await serveDashboard({
      source,
      port,
      ...(given !== undefined && { token: given }),
      ...(host !== undefined && { host }),
    });
    io.stderr(`fieldseal: the dashboard is at ${server.url}\n`);
    // A token from the environment is known to who set it, and is not repeated.
    if (given === undefined) io.stderr(`fieldseal: open ${server.signInUrl} once to sign a browser in\n`);
    await io.stopped?.();
    await server.close();
    return { lines: [], json: { url: server.url } };
  },
};
