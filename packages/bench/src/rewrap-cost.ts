/**
 * What it takes to wrap all keys of a key store again under a new KEK, on PostgreSQL: keys a second, and memory.
 *
 *     npm run -w packages/bench bench:rewrap -- [keys]
 *
 * A million wrapped keys by default: half of them DEKs and half index roots, of half a million scopes, under a KEK inside the keyring.
 */
import { addKek, openKeyring } from '@fieldseal/core';
import { startPostgres } from '@fieldseal/testkit';
import { PrismaPg } from '@prisma/adapter-pg';
import { clientOf, fillKeyStore } from './filled-key-store.ts';
import { megabytes, say } from './printed-line.ts';

/** Keys of a scope: a DEK and an index root. */
const KEYS_OF_SCOPE = 2;

async function main(keys: number): Promise<void> {
  const postgres = await startPostgres();
  const adapter = await new PrismaPg({ connectionString: await postgres.createDatabase() }).connect();
  const client = clientOf(adapter);
  try {
    // The default scope has keys of its own.
    const filled = await fillKeyStore(client, keys / KEYS_OF_SCOPE - 1);
    await addKek(filled);
    const keyring = await openKeyring(filled);
    const idle = process.memoryUsage().rss;
    let memory = idle;
    const started = performance.now();
    const { rewrapped, failed } = await keyring.rewrap({
      progress: () => {
        memory = Math.max(memory, process.memoryUsage().rss);
      },
    });
    const seconds = (performance.now() - started) / 1000;
    const counts = await keyring.kekCensus();
    say(
      `${rewrapped.toLocaleString('en')} keys in ${seconds.toFixed(1)} s: ${Math.round(rewrapped / seconds).toLocaleString('en')} keys/s`,
    );
    say(`memory: ${megabytes(idle)} MB before, ${megabytes(memory)} MB at most; ${failed.length} keys did not unwrap`);
    say(`keys by KEK afterwards: ${[...counts.values()].map((count) => count.toLocaleString('en')).join(', ')}`);
    keyring.close();
  } finally {
    await adapter.dispose();
    await postgres.stop();
  }
}

await main(Number(process.argv[2] ?? 1_000_000));
