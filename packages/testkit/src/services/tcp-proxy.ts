import { connect, createServer, type Server, type Socket } from 'node:net';

/** What the proxy does with connections. */
export type ProxyMode = 'pass' | 'refuse' | 'hang' | 'reset';

/** A proxy between a client and a server, which breaks what passes as asked, and keeps a copy of all of it. */
export interface TcpProxy {
  readonly port: number;
  /** All bytes that passed in either direction. */
  readonly passed: Buffer[];
  /** Where new connections go to. */
  target: number;
  /** Changes what happens to connections, those that are there included. */
  mode(mode: ProxyMode): Promise<void>;
  close(): Promise<void>;
}

/** @param target - port of the server on this machine */
export async function tcpProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let mode: ProxyMode = 'pass';
  const server: Server = createServer((client) => {
    if (mode === 'reset') return void client.resetAndDestroy();
    const upstream = connect(proxy.target, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('data', (bytes) => {
        if (mode === 'hang') return;
        proxy.passed.push(bytes);
        to.write(bytes);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
    }
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const stop = (): Promise<void> =>
    new Promise((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
  const proxy: TcpProxy = {
    port: 0,
    passed: [],
    target,
    mode: async (next) => {
      const before = mode;
      mode = next;
      if (next === 'refuse' || next === 'reset') {
        const stopped = next === 'refuse' ? stop() : undefined;
        for (const [client, upstream] of pairs) {
          client.resetAndDestroy();
          upstream.destroy();
        }
        await stopped;
      }
      if (before === 'refuse' && next !== 'refuse') await listen(proxy.port);
    },
    close: async () => {
      const stopped = stop();
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await stopped;
    },
  };
  await listen(0);
  return Object.assign(proxy, { port: (server.address() as { port: number }).port });
}
