import { copyFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateRawKey, memoryKeyStore } from '@fieldseal/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type BackupGateOptions,
  backupGate,
  type CreatedBackup,
  createBackup,
  keyStoreSource,
  signingKey,
} from '../src/index.ts';
import { code, making, openSandbox, type Sandbox } from './sandbox.ts';

const keyStore = memoryKeyStore();
let sandbox: Sandbox;
let backup: CreatedBackup;
let staged = '';
beforeEach(async () => {
  sandbox = await openSandbox();
  staged = await sandbox.keyring.addKey();
  backup = await createBackup(making(sandbox));
});
afterEach(() => sandbox.remove());

const closed = code('ERR_BACKUP_GATE');
const gateOf = (more: Partial<BackupGateOptions> = {}) =>
  backupGate({ target: sandbox.target, keys: [sandbox.signer.public], ...more });
const promotion = async (keyId = staged, inKeyring = true) => {
  const { id, generation } = await sandbox.keyring.describe();
  return { keyId, keyringId: id, generation, inKeyring };
};

it('opens for a key that the newest backup holds, by its generation and by its manifest', async () => {
  await gateOf()(await promotion());
  await gateOf({ identities: [sandbox.identity] })(await promotion());
  await sandbox.keyring.promote(staged);
  await gateOf({ identities: [sandbox.identity], maxAge: 60_000 })(await promotion());
});

it('stays closed for a key that came after it, until there is another one', async () => {
  const later = await sandbox.keyring.addKey();
  for (const identities of [[], [sandbox.identity]])
    await expect(gateOf({ identities })(await promotion(later))).rejects.toEqual(closed);
  await createBackup(making(sandbox));
  for (const identities of [[], [sandbox.identity]]) await gateOf({ identities })(await promotion(later));
});

it.each([
  ['another signer', () => ({ keys: [signingKey(generateRawKey()).public] })],
  ['a backup that is too old', () => ({ maxAge: 1000, now: () => Date.now() + 60_000 })],
  ['an identity that does not open it', () => ({ identities: ['AGE-SECRET-KEY-1NONE'] })],
])('stays closed for %s', async (_, more) => {
  await expect(gateOf(more())(await promotion())).rejects.toEqual(closed);
});

it('stays closed without a backup, for one that was changed, and for one of another keyring', async () => {
  const other = await openSandbox();
  await expect(gateOf({ target: other.target })(await promotion())).rejects.toEqual(closed);
  await createBackup({ ...making(other), signer: sandbox.signer });
  await expect(gateOf({ target: other.target })(await promotion())).rejects.toEqual(closed);
  other.remove();
  const path = join(sandbox.folder, 'backups', backup.name);
  copyFileSync(path, join(sandbox.folder, 'copy'));
  const bytes = readFileSync(path);
  bytes[99] = (bytes[99] as number) ^ 1;
  writeFileSync(path, bytes);
  await expect(gateOf()(await promotion())).rejects.toEqual(closed);
  copyFileSync(join(sandbox.folder, 'copy'), path);
  await gateOf()(await promotion());
});

it('does not take the generation of the keyring for a word about a key store', async () => {
  const outside = await openSandbox({ keyStore });
  await outside.keyring.addScope('tenant');
  const { primary } = await outside.keyring.resolve('tenant');
  const { id, generation } = await outside.keyring.describe();
  const key = { keyId: primary.keyId, keyringId: id, generation, inKeyring: false };
  const options = { target: outside.target, keys: [outside.signer.public] };
  await createBackup({ ...making(outside), sources: [keyStoreSource(keyStore, (scope) => scope !== 'tenant')] });
  await expect(backupGate(options)(key)).rejects.toEqual(closed);
  await expect(backupGate({ ...options, identities: [outside.identity] })(key)).rejects.toEqual(closed);
  await createBackup({ ...making(outside), sources: [keyStoreSource(keyStore)] });
  await backupGate({ ...options, identities: [outside.identity] })(key);
  outside.remove();
});

it.each([0, -1, Number.NaN])('refuses an age of %d ms', (maxAge) => {
  expect(() => gateOf({ maxAge })).toThrow(code('ERR_OPTIONS'));
});

it('stays closed for a key that only rows of the backup are under: its wrapped key is what counts', async () => {
  const lost = '0123456789abcdef';
  const cells = { entries: async function* () {}, keys: () => ({ [lost]: 7, [staged]: 3 }) };
  const { opened } = await createBackup({ ...making(sandbox), sources: [cells], drillIdentity: sandbox.identity });
  expect(opened?.keys).toMatchObject({ [staged]: 3 });
  expect(opened?.keys).not.toHaveProperty(lost);
  await expect(gateOf({ identities: [sandbox.identity] })(await promotion(lost, false))).rejects.toEqual(closed);
});

it('stays closed for an old backup under the name of a younger one', async () => {
  const files = readdirSync(sandbox.target.label);
  for (const file of files)
    renameSync(join(sandbox.target.label, file), join(sandbox.target.label, file.replace(/-\d{8}T/, '-20991231T')));
  await expect(gateOf({ identities: [sandbox.identity], maxAge: 1e15 })(await promotion())).rejects.toEqual(closed);
});
