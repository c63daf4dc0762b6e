import { FieldsealError } from '@fieldseal/core';
import { type Authorization, emptyPassword } from '../client/authorization.ts';
import { createPrimary, readPublic } from '../client/commands/objects.ts';
import { HANDLE, OBJECT, SRK_HANDLE } from '../client/constants.ts';
import { parsePublic, SRK_TEMPLATE } from '../client/public-area.ts';
import { isRc, RC } from '../client/response-code.ts';
import { type SaltKey, Session } from '../client/session.ts';
import type { Tpm } from '../client/tpm.ts';

/** A storage root key, and how a key file names it. */
export interface StorageRoot {
  readonly key: SaltKey;
  readonly parent: number;
}

const STORAGE_KEY = OBJECT.FIXED_TPM | OBJECT.FIXED_PARENT | OBJECT.RESTRICTED | OBJECT.DECRYPT | OBJECT.USER_WITH_AUTH;

/** The persistent storage root key, or null when there is none. */
export async function persistentSrk(tpm: Tpm): Promise<SaltKey | null> {
  try {
    return await readPublic(tpm, SRK_HANDLE);
  } catch (error) {
    if (isRc(error, RC.HANDLE)) return null;
    throw error;
  }
}

/**
 * The storage root key to seal a new slot under: the standard one, or else, where the owner hierarchy is closed, the persistent one.
 *
 * @param pin - Name that it must have; by default the first one that is seen is trusted
 * @throws ERR_TPM_SRK_MISMATCH; TpmRcError when neither is there
 */
export async function newStorageRoot(tpm: Tpm, ownerAuth: string, pin: string | undefined): Promise<StorageRoot> {
  const root = await standardSrk(tpm, ownerAuth).catch(async (error: unknown) => {
    const closed = ownerAuth === '' && isRc(error, RC.BAD_AUTH, RC.AUTH_FAIL);
    const key = closed ? await persistentSrk(tpm) : null;
    if (key === null) throw error;
    if ((parsePublic(key.publicArea).attributes & STORAGE_KEY) !== STORAGE_KEY)
      throw new FieldsealError('ERR_TPM_SRK_MISMATCH', 'the persistent key of the TPM is no storage root key');
    return { key, parent: SRK_HANDLE };
  });
  if (pin !== undefined && Buffer.from(root.key.name).toString('hex') !== pin.toLowerCase()) throw mismatch();
  return root;
}

/**
 * The storage root key of that Name: the persistent one, or else the standard one.
 *
 * @throws ERR_TPM_SRK_MISMATCH when this TPM has no such key; TpmRcError when the owner hierarchy is closed
 */
export async function knownStorageRoot(tpm: Tpm, ownerAuth: string, name: Uint8Array): Promise<SaltKey> {
  const persistent = await persistentSrk(tpm);
  if (persistent !== null && Buffer.from(persistent.name).equals(name)) return persistent;
  const { key } = await standardSrk(tpm, ownerAuth);
  if (!Buffer.from(key.name).equals(name)) throw mismatch();
  return key;
}

async function standardSrk(tpm: Tpm, ownerAuth: string): Promise<StorageRoot> {
  return {
    key: await withOwner(tpm, ownerAuth, null, (auth) => createPrimary(tpm, SRK_TEMPLATE, auth)),
    parent: HANDLE.OWNER,
  };
}

/** Runs a command under the owner's authorisation, which never goes out in clear. */
export async function withOwner<T>(
  tpm: Tpm,
  ownerAuth: string,
  saltKey: SaltKey | null,
  work: (auth: Authorization) => Promise<T>,
): Promise<T> {
  if (ownerAuth === '') return work(emptyPassword);
  const session = await Session.start(tpm, 'hmac', saltKey);
  const authValue = Buffer.from(ownerAuth);
  try {
    const result = await work(session.use({ authValue }));
    await tpm.flush(session.handle); // a TPM without a resource manager has room for few
    return result;
  } finally {
    authValue.fill(0);
    session.wipe();
  }
}

function mismatch(): FieldsealError {
  return new FieldsealError(
    'ERR_TPM_SRK_MISMATCH',
    'the storage root key of the TPM is not the one that the slot was sealed under',
  );
}
