/**
 * Commands about NV indexes, as far as counters need them.
 *
 * @module
 */
import { type Authorization, emptyPassword } from '../authorization.ts';
import { join, malformed, sized, u16, u32 } from '../bytes.ts';
import { ALG, HANDLE } from '../constants.ts';
import { nameOf } from '../public-area.ts';
import { namedByHandle } from '../session.ts';
import type { Tpm, TpmObject } from '../tpm.ts';

/** A counter that everybody who may use the TPM reads and increments, and that dictionary attacks cannot lock. */
export const COUNTER_ATTRIBUTES = 0x02060016;

/** Set by the TPM with the first increment; the Name changes with it. */
export const NV_WRITTEN = 0x20000000;

/** Where owners define indexes. */
export const OWNER_INDEXES = { first: 0x01800000, last: 0x01bfffff } as const;

const COUNTER_BYTES = 8;

/** An NV index with its attributes. */
export interface NvIndex extends TpmObject {
  readonly attributes: number;
}

/** TPM2_NV_ReadPublic, its Name computed again. TpmRcError with HANDLE when there is no such index. */
export async function nvReadPublic(tpm: Tpm, index: number): Promise<NvIndex> {
  const { params } = await tpm.run({ command: 'NV_ReadPublic', handles: [namedByHandle(index)] });
  const publicArea = Buffer.from(params.sized());
  const name = params.sized();
  params.end();
  const computed = nameOf(publicArea);
  if (!computed.equals(name) || publicArea.length < 10 || publicArea.readUInt32BE(0) !== index)
    throw malformed('the Name of an index does not fit its public area');
  return { handle: index, name: computed, attributes: publicArea.readUInt32BE(6) };
}

/** TPM2_NV_DefineSpace of a counter. TpmRcError with NV_SPACE when the TPM has room for no more. */
export async function nvDefineCounter(tpm: Tpm, index: number, auth: Authorization = emptyPassword): Promise<void> {
  const publicArea = join(
    u32(index),
    u16(ALG.SHA256),
    u32(COUNTER_ATTRIBUTES),
    sized(Buffer.alloc(0)),
    u16(COUNTER_BYTES),
  );
  const params = join(sized(Buffer.alloc(0)), sized(publicArea));
  const handles = [namedByHandle(HANDLE.OWNER)];
  (await tpm.run({ command: 'NV_DefineSpace', handles, auth, params })).params.end();
}

/** TPM2_NV_UndefineSpace. */
export async function nvUndefine(tpm: Tpm, index: TpmObject, auth: Authorization = emptyPassword): Promise<void> {
  const handles = [namedByHandle(HANDLE.OWNER), index];
  (await tpm.run({ command: 'NV_UndefineSpace', handles, auth })).params.end();
}

/** TPM2_NV_Increment. Hardware limits how often, and wears. */
export async function nvIncrement(tpm: Tpm, index: TpmObject, auth: Authorization = emptyPassword): Promise<void> {
  (await tpm.run({ command: 'NV_Increment', handles: [index, index], auth })).params.end();
}

/** TPM2_NV_Read of a counter. TpmRcError with NV_UNINITIALIZED before the first increment. */
export async function nvReadCounter(tpm: Tpm, index: TpmObject, auth: Authorization = emptyPassword): Promise<bigint> {
  const params = join(u16(COUNTER_BYTES), u16(0));
  const reply = await tpm.run({ command: 'NV_Read', handles: [index, index], auth, params });
  if (reply.params.u16() !== COUNTER_BYTES) throw malformed('a counter has 8 bytes');
  const value = reply.params.u64();
  reply.params.end();
  return value;
}
