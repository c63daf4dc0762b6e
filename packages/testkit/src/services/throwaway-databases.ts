import { randomBytes } from 'node:crypto';
import { once } from './once.ts';
import type { ServiceSource } from './service-source.ts';

/** A server that holds databases. */
interface DatabaseServer {
  /** Connection string of an administrator. */
  readonly url: string;
  readonly source: ServiceSource;
  stop(): Promise<void>;
}

/** How a kind of server makes and drops a database. */
export interface DatabaseStatements {
  create(name: string): string;
  drop(name: string): string;
  /** Runs one statement of ours on a connection of its own. */
  execute(url: string, statement: string): Promise<void>;
}

/** The server with a database for whoever asks, which is dropped when the server is stopped. A second stop does nothing. */
export function withDatabases<Server extends DatabaseServer>(
  running: Server,
  { create, drop, execute }: DatabaseStatements,
): Server & { createDatabase(): Promise<string> } {
  const databases: string[] = [];
  const createDatabase = async (): Promise<string> => {
    const name = `fieldseal_test_${randomBytes(6).toString('hex')}`;
    await execute(running.url, create(name));
    databases.push(name);
    const url = new URL(running.url);
    url.pathname = `/${name}`;
    return url.href;
  };
  const stop = once(async () => {
    // Other sources throw the whole server away.
    if (running.source === 'url') for (const name of databases) await execute(running.url, drop(name));
    await running.stop();
  });
  return { ...running, createDatabase, stop };
}
