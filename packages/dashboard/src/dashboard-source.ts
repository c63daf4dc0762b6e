import { FieldsealError } from '@fieldseal/core';
import { ACKNOWLEDGEMENT_HEADER, type Monitor, type StatusReport } from '@fieldseal/monitor';

/** Where the dashboard gets what it shows. */
export interface DashboardSource {
  /** All that the monitor knows now. Rejects when it cannot be asked. */
  status(): Promise<StatusReport>;
  /**
   * Takes an alert on, for `forMs` ms.
   *
   * @throws ERR_OPTIONS when the monitor refuses it; another error when it cannot be asked
   */
  acknowledge(key: string, owner: string, comment: string, forMs: number): Promise<void>;
}

/** The monitor of this process. */
export function localSource(monitor: Pick<Monitor, 'status' | 'alerts'>): DashboardSource {
  return {
    status: async () => monitor.status(),
    acknowledge: (...given) => monitor.alerts.acknowledge(...given),
  };
}

/** What is used of `fetch`. */
export type RemoteFetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; redirect: 'error'; signal: AbortSignal },
) => Promise<{ readonly status: number; json(): Promise<unknown> }>;

/** Options of {@link remoteSource}. */
export interface RemoteOptions {
  /** Address under which the application serves its endpoints: https, or http to this machine. */
  readonly url: string;
  /** Token of the endpoints (`endpoints: { token }` of the monitor). */
  readonly token: string;
  /** Time for an answer, in ms; 5000 by default. */
  readonly timeoutMs?: number;
  readonly fetch?: RemoteFetch;
}

/**
 * The monitor of another process, by its endpoints.
 *
 * @throws ERR_OPTIONS for an address over which the token could be read
 */
export function remoteSource({ url, token, timeoutMs = 5000, fetch: given }: RemoteOptions): DashboardSource {
  const base = checkedBase(url);
  const send = given ?? (fetch as RemoteFetch);
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) =>
    send(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  return {
    status: async () => {
      const response = await ask('GET', '/v1/status');
      if (response.status !== 200) throw new Error(`the monitor answered ${response.status}`);
      return (await response.json()) as StatusReport;
    },
    acknowledge: async (key, owner, comment, forMs) => {
      const header = Buffer.from(JSON.stringify({ key, owner, comment, forMs })).toString('base64url');
      const response = await ask('POST', '/v1/acknowledge', { [ACKNOWLEDGEMENT_HEADER]: header });
      if (response.status === 400) throw new FieldsealError('ERR_OPTIONS', 'the monitor refuses the acknowledgement');
      if (response.status !== 204) throw new Error(`the monitor answered ${response.status}`);
    },
  };
}

function checkedBase(url: string): string {
  const hint = 'Give an https address without user and password; http is for this machine only.';
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const local = parsed !== null && ['localhost', '127.0.0.1', '[::1]'].includes(parsed.hostname);
  const safe = parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && local);
  if (parsed === null || !safe || parsed.username !== '' || parsed.password !== '')
    throw new FieldsealError('ERR_OPTIONS', 'the address of the monitor is not safe', { hint });
  return url.replace(/\/+$/, '');
}
