/**
 * Commands about objects: storage keys, sealed data, outside public keys.
 *
 * @module
 */
import { type Authorization, emptyPassword } from '../authorization.ts';
import { join, malformed, sized, u16, u32 } from '../bytes.ts';
import { ALG, HANDLE } from '../constants.ts';
import { nameOf } from '../public-area.ts';
import { namedByHandle, type SaltKey } from '../session.ts';
import type { Tpm, TpmObject } from '../tpm.ts';

/** A new object: both halves are kept outside the TPM. */
export interface CreatedObject {
  /** Wrapped by its parent. */
  readonly private: Buffer;
  readonly publicArea: Buffer;
}

/**
 * TPM2_CreatePrimary in the owner hierarchy.
 *
 * @param auth - of the owner; by default the empty password
 * @throws TpmRcError; BAD_AUTH when the owner hierarchy has an authorisation value
 */
export async function createPrimary(
  tpm: Tpm,
  template: Uint8Array,
  auth: Authorization = emptyPassword,
): Promise<SaltKey> {
  const { handle, params } = await tpm.run({
    command: 'CreatePrimary',
    handles: [namedByHandle(HANDLE.OWNER)],
    auth,
    params: join(
      sized(join(sized(Buffer.alloc(0)), sized(Buffer.alloc(0)))),
      sized(template),
      sized(Buffer.alloc(0)),
      u32(0),
    ),
    givesHandle: true,
  });
  const publicArea = Buffer.from(params.sized());
  params.sized(); // creation data
  params.sized(); // its hash
  params.take(6); // a ticket of what was created where
  params.sized();
  const name = params.sized();
  params.end();
  return { handle, publicArea, name: checkedName(publicArea, name) };
}

/** TPM2_ReadPublic, its Name computed again. TpmRcError with HANDLE when there is no such object. */
export async function readPublic(tpm: Tpm, handle: number): Promise<SaltKey> {
  const { params } = await tpm.run({ command: 'ReadPublic', handles: [namedByHandle(handle)] });
  const publicArea = Buffer.from(params.sized());
  const name = params.sized();
  params.sized(); // qualified name
  params.end();
  return { handle, publicArea, name: checkedName(publicArea, name) };
}

/**
 * TPM2_Create of sealed data.
 *
 * @param auth - of the parent; must encrypt the command, since the secret is its first parameter
 */
export async function createSealed(
  tpm: Tpm,
  parent: TpmObject,
  auth: Authorization,
  object: { readonly secret: Uint8Array; readonly authValue: Uint8Array; readonly template: Uint8Array },
): Promise<CreatedObject> {
  const sensitive = join(sized(object.authValue), sized(object.secret));
  const sent = join(sized(sensitive), sized(object.template), sized(Buffer.alloc(0)), u32(0));
  try {
    const { params } = await tpm.run({ command: 'Create', handles: [parent], auth, params: sent });
    const privateArea = Buffer.from(params.sized());
    const publicArea = Buffer.from(params.sized());
    params.sized();
    params.sized();
    params.take(6);
    params.sized();
    params.end();
    return { private: privateArea, publicArea };
  } finally {
    sensitive.fill(0);
    sent.fill(0);
  }
}

/** TPM2_Load. The TPM answers with INTEGRITY for an object that another parent wrapped. */
export async function load(
  tpm: Tpm,
  parent: TpmObject,
  object: CreatedObject,
  auth: Authorization = emptyPassword,
): Promise<TpmObject> {
  const sent = join(sized(object.private), sized(object.publicArea));
  const { handle, params } = await tpm.run({
    command: 'Load',
    handles: [parent],
    auth,
    params: sent,
    givesHandle: true,
  });
  const name = params.sized();
  params.end();
  return { handle, name: checkedName(object.publicArea, name) };
}

/** TPM2_LoadExternal of a public key under the owner hierarchy, whose tickets policies accept. */
export async function loadExternal(tpm: Tpm, publicArea: Uint8Array): Promise<TpmObject> {
  const sent = join(sized(Buffer.alloc(0)), sized(publicArea), u32(HANDLE.OWNER));
  const { handle, params } = await tpm.run({ command: 'LoadExternal', params: sent, givesHandle: true });
  const name = params.sized();
  params.end();
  return { handle, name: checkedName(publicArea, name) };
}

/** TPM2_Unseal. `auth` must encrypt the reply: its first parameter is the secret. The bytes are the caller's to wipe. */
export async function unseal(tpm: Tpm, object: TpmObject, auth: Authorization): Promise<Buffer> {
  const { params } = await tpm.run({ command: 'Unseal', handles: [object], auth });
  const secret = params.sized();
  params.end();
  return secret;
}

/** TPM2_VerifySignature of an ECDSA signature (r and s, as long as the field); the ticket is for TPM2_PolicyAuthorize. */
export async function verifySignature(
  tpm: Tpm,
  key: TpmObject,
  digest: Uint8Array,
  signature: Uint8Array,
): Promise<Buffer> {
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
  const sent = join(sized(digest), u16(ALG.ECDSA), u16(ALG.SHA256), sized(r), sized(s));
  const { params } = await tpm.run({ command: 'VerifySignature', handles: [key], params: sent });
  const ticket = Buffer.from(params.take(params.left));
  return ticket;
}

/** TPM2_EvictControl: keeps a loaded object at a persistent handle, or removes the one that is there when both are the same. */
export async function evictControl(
  tpm: Tpm,
  object: TpmObject,
  persistent: number,
  auth: Authorization = emptyPassword,
): Promise<void> {
  const handles = [namedByHandle(HANDLE.OWNER), object];
  (await tpm.run({ command: 'EvictControl', handles, auth, params: u32(persistent) })).params.end();
}

function checkedName(publicArea: Uint8Array, name: Uint8Array): Buffer {
  const computed = nameOf(publicArea);
  if (!computed.equals(name)) throw malformed('a Name does not fit its public area');
  return computed;
}
