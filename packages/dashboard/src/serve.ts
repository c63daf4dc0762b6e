import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { FieldsealError } from '@fieldseal/core';
import { serve } from '@hono/node-server';
import { dashboardApp } from './dashboard-app.ts';
import type { DashboardSource } from './dashboard-source.ts';

/** Time between looks at the source, in ms. */
const SAMPLE_MS = 5000;

/** Options of {@link serveDashboard}. */
export interface ServeOptions {
  readonly source: DashboardSource;
  /** Generated if it is left out. */
  readonly token?: string;
  /** 127.0.0.1 by default. The server speaks http: to others only through a proxy that speaks https. */
  readonly host?: string;
  /** 9470 by default; 0 takes one that is free. */
  readonly port?: number;
}

/** A running dashboard. */
export interface DashboardServer {
  readonly url: string;
  readonly token: string;
  /**
   * Address that signs a browser in. The token stands behind `#`, which browsers send to nobody; the page takes it out of the address bar and
   * keeps it for the tab. Show it to the operator, and log it nowhere.
   */
  readonly signInUrl: string;
  close(): Promise<void>;
}

/** Serves the dashboard. Throws ERR_OPTIONS when it cannot listen there, or for a short token. */
export async function serveDashboard(options: ServeOptions): Promise<DashboardServer> {
  const { source, host = '127.0.0.1', port = 9470, token = randomBytes(24).toString('base64url') } = options;
  const app = dashboardApp({ source, token });
  await app.sample();
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const started = serve({ fetch: app.fetch, hostname: host, port }, () => resolve(started));
    started.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new FieldsealError('ERR_OPTIONS', `the dashboard cannot listen there (${error.code ?? 'unknown reason'})`, {
          hint: 'Choose another port or address.',
        }),
      ),
    );
  });
  const timer = setInterval(() => void app.sample(), SAMPLE_MS).unref();
  const { port: taken } = server.address() as AddressInfo;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${taken}`;
  return {
    url,
    token,
    signInUrl: `${url}/#token=${encodeURIComponent(token)}`,
    close: async () => {
      clearInterval(timer);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      });
    },
  };
}
