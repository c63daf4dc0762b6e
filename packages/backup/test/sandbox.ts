import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createKeyring,
  formatRawKey,
  generateRawKey,
  type Keyring,
  type KeyringStorage,
  type KeyStore,
  keyringMemory,
  rawKey,
  type SlotOpener,
} from '@fieldseal/core';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect } from 'vitest';
import { type BackupTarget, folderTarget, type SigningKey, signingKey } from '../src/index.ts';

/** A keyring, a place for backups, and all that makes and opens them. */
export interface Sandbox {
  readonly folder: string;
  readonly target: BackupTarget;
  readonly storage: KeyringStorage;
  readonly keyring: Keyring;
  readonly rawKeyText: string;
  readonly openers: readonly SlotOpener[];
  readonly signer: SigningKey;
  readonly identity: string;
  readonly recipient: string;
  remove(): void;
}

/** Makes a sandbox. Its keyring is in memory unless a storage is given. */
export async function openSandbox(
  more: { readonly keyStore?: KeyStore; readonly storage?: (folder: string) => KeyringStorage } = {},
): Promise<Sandbox> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-backup-'));
  const storage = more.storage?.(folder) ?? keyringMemory();
  const rawKeyText = formatRawKey(generateRawKey());
  const openers = [rawKey(rawKeyText)];
  const { keyring, recovery } = await createKeyring({
    storage,
    openers,
    ...(more.keyStore !== undefined && { keyStore: more.keyStore }),
  });
  recovery.wipe();
  const identity = await generateX25519Identity();
  return {
    folder,
    target: folderTarget(join(folder, 'backups')),
    storage,
    keyring,
    rawKeyText,
    openers,
    signer: signingKey(generateRawKey()),
    identity,
    recipient: await identityToRecipient(identity),
    remove: () => {
      keyring.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a promise rejects with has this code. */
export const code = (wanted: string): unknown => expect.objectContaining({ code: wanted });

/** Options that make and open a backup of a sandbox. */
export const making = ({ target, storage, recipient, signer }: Sandbox) => ({
  target,
  keyring: storage,
  recipients: [recipient],
  signer,
});

/** Options that open a backup of a sandbox. */
export const opening = ({ target, signer, identity, openers }: Sandbox) => ({
  target,
  keys: [signer.public],
  identities: [identity],
  openers,
});
