/** Makes, restores or removes backups in a process of its own, and kills it before the KILL_AT-th change of the file system. */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { createBackup, folderTarget, keyStoreSource, removeBackup, restoreBackup, signingKey } from '@fieldseal/backup';
import { fileKeyStore, keyringFile, parseRawKey, rawKey } from '@fieldseal/core';

const {
  KILL_AT = '0',
  WORK = '',
  BACKUPS = '',
  KEYRING = '',
  KEYS = '',
  IDENTITY = '',
  RECIPIENT = '',
  NAME = '',
} = process.env;

let left = Number(KILL_AT);
const armed = (work: (...given: unknown[]) => unknown) =>
  function (this: unknown, ...given: unknown[]): unknown {
    if (--left < 0) process.kill(process.pid, 'SIGKILL');
    return work.apply(this, given);
  };
const changes = fs as unknown as Record<string, (...given: unknown[]) => unknown>;
const handle = await fs.open('/dev/null');
const methods = Object.getPrototypeOf(handle) as typeof changes;
await handle.close();
for (const name of ['mkdir', 'open', 'rename', 'rm', 'link', 'unlink', 'writeFile'])
  changes[name] = armed(changes[name] as (...given: unknown[]) => unknown);
for (const name of ['write', 'writeFile', 'sync', 'datasync'])
  methods[name] = armed(methods[name] as (...given: unknown[]) => unknown);
syncBuiltinESMExports();

const target = folderTarget(BACKUPS);
const secret = parseRawKey(process.env['SIGNING'] ?? '');
const signer = signingKey(secret);
const [keyring, keyStore] = [keyringFile(KEYRING), fileKeyStore(KEYS)];
if (WORK === 'create')
  await createBackup({ target, keyring, recipients: [RECIPIENT], signer, sources: [keyStoreSource(keyStore)] });
if (WORK === 'restore')
  await restoreBackup({
    target,
    name: NAME,
    keys: [signer.public],
    identities: [IDENTITY],
    openers: [rawKey(process.env['ROOT_KEY'] ?? '')],
    keyring,
    keyStore,
    apply: true,
  });
if (WORK === 'remove') await removeBackup(target, NAME);
process.stdout.write(`changes left: ${left}\n`);
