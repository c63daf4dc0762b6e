import { type AddressInfo, createServer } from 'node:net';

const TRIES = 3;

/**
 * Starts something on a free loopback port. Another process may take the port in between; the start must then fail with a
 * message that the address is in use, and is tried on the next one.
 */
export async function onFreePort<Server>(start: (port: number) => Promise<Server>): Promise<Server> {
  for (let tries = 1; ; tries++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (tries === TRIES || !(error instanceof Error) || !/in use/i.test(error.message)) throw error;
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
