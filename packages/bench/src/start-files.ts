import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, formatRawKey, generateRawKey, keyringFile, rawKey } from '@fieldseal/core';
import { encryption } from '@fieldseal/prisma';
import { openClient } from './queries/client.ts';
import { READ_ROWS } from './queries/operations.ts';
import { newPeople, seed } from './queries/people.ts';
import { createTables } from './queries/tables.ts';
import type { StartTask } from './start-child.ts';

/** Databases and a keyring for processes that start. */
export interface StartFiles {
  /** The task for a process that reads all rows so often. */
  task(encrypted: boolean, reads: number): StartTask;
  remove(): void;
}

/** Makes the files: the same rows in a plain database and in an encrypted one. */
export async function startFiles(): Promise<StartFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-bench-'));
  const path = (name: string): string => join(folder, name);
  const raw = generateRawKey();
  const key = formatRawKey(raw);
  const { keyring, recovery } = await createKeyring({
    storage: keyringFile(path('keyring.json')),
    openers: [rawKey(raw)],
  });
  recovery.wipe();
  const people = newPeople(READ_ROWS);
  for (const schema of ['plain', 'fieldseal'] as const) {
    const base = await openClient('sqlite', schema, path(`${schema}.db`));
    await createTables(base, 'sqlite', schema);
    await seed((schema === 'plain' ? base : base.$extends(encryption({ keyring }))).person, people);
    await base.$disconnect();
  }
  keyring.close();
  return {
    task: (encrypted, reads) => ({
      encrypted,
      reads,
      key,
      file: path(`${encrypted ? 'fieldseal' : 'plain'}.db`),
      keyringFile: path('keyring.json'),
    }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
