import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServiceFault } from '../contracts/remote-key-wrapper.ts';

/** A request, read whole. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An answer of a stand-in for a key service. */
export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a service answers where its faults are answers. The others are faults of the connection, or no answer. */
export type FaultReplies = Readonly<
  Record<Exclude<ServiceFault, 'reset' | 'hang' | 'malformed' | 'truncated'>, HttpReply>
>;

/** A local HTTP server that stands in for a key service and can be made to fail. */
export interface HttpService {
  /** http://127.0.0.1:<port> */
  readonly url: string;
  /** What was asked, the oldest first. */
  readonly requests: readonly HttpRequest[];
  /** The next `times` requests fail in this way; 0 takes failures back. */
  fail(fault: ServiceFault | HttpReply, times: number): void;
  close(): Promise<void>;
}

/** A page as proxies show it: success, and no JSON. */
const PAGE: HttpReply = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' };

/**
 * Starts a server on a free port of this machine.
 *
 * @param counts - which requests are counted, and fail where that is asked for; all by default. The others are made by clients on their way
 */
export async function startHttpService(
  answer: (request: HttpRequest) => HttpReply,
  faults: FaultReplies,
  counts: (request: HttpRequest) => boolean = () => true,
): Promise<HttpService> {
  const requests: HttpRequest[] = [];
  const queue: (ServiceFault | HttpReply)[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => undefined);
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      const request = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      if (!counts(request)) {
        send(response, answer(request));
        return;
      }
      requests.push(request);
      const fault = queue.shift();
      if (fault === 'hang') return;
      if (fault === 'reset') incoming.socket.resetAndDestroy();
      else if (fault === 'malformed') send(response, PAGE);
      else if (fault === 'truncated') truncate(response, answer(request));
      else if (typeof fault === 'string') send(response, faults[fault]);
      else send(response, fault ?? answer(request));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    fail: (fault, times) => {
      queue.splice(0, queue.length, ...Array.from({ length: times }, () => fault));
    },
    close: () => close(server),
  };
}

function send(response: ServerResponse, { status, headers = {}, body }: HttpReply): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
}

/** Half of an answer, and then the end of the connection. */
function truncate(response: ServerResponse, { status, body }: HttpReply): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': String(body.length) });
  response.write(body.slice(0, body.length >> 1), () => response.destroy());
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
  });
}
