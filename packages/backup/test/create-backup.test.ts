import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, generateRawKey, keyringMemory, rawKey } from '@fieldseal/core';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openArchive } from '../src/archive.ts';
import { checkSignature, createBackup, folderTarget, listBackups, signingKey } from '../src/index.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-backup-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function freshStorage() {
  const storage = keyringMemory();
  const { keyring, recovery } = await createKeyring({ storage, openers: [rawKey(generateRawKey())] });
  recovery.wipe();
  keyring.close();
  return storage;
}

it('makes a chain of archives that open and verify', async () => {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const signer = signingKey(generateRawKey());
  const target = folderTarget(folder);
  const keyring = await freshStorage();
  const first = await createBackup({ target, keyring, recipients: [recipient], signer, drillIdentity: identity });
  const second = await createBackup({ target, keyring, recipients: [recipient], signer });
  expect(second.claim).toMatchObject({ sequence: 2, previous: first.claim.sha256 });
  expect(await listBackups(target)).toMatchObject({ backups: [{ sequence: 1 }, { sequence: 2 }], unfinished: [] });
  const entries: string[] = [];
  const manifest = await openArchive(target.read(second.name), [identity], ({ name }) => {
    entries.push(name);
  });
  expect(entries).toEqual(['keyring.json']);
  expect(manifest).toMatchObject({ sequence: 2, previous: first.claim.sha256 });
  const path = join(folder, first.name);
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  await writeFile(path, bytes);
  await expect(checkSignature(target, first.name, [signer.public])).rejects.toMatchObject({
    code: 'ERR_BACKUP_SIGNATURE',
  });
  await expect(openArchive(target.read(first.name), [identity])).rejects.toMatchObject({ code: 'ERR_BACKUP_DAMAGED' });
  expect(await readdir(folder)).toHaveLength(4);
});
