/** Commands that only tests need, and a transport that looks at, changes or adds commands. */
import { emptyPassword, HANDLE, namedByHandle, sized, type Tpm, type Transport, u32 } from '../src/client.ts';

/** Clears the TPM, as a change in the firmware's menu does. */
export async function clear(tpm: Tpm): Promise<void> {
  await tpm.run({ command: 'Clear', handles: [namedByHandle(HANDLE.LOCKOUT)], auth: emptyPassword });
}

/** Gives the owner hierarchy an authorisation value. */
export async function setOwnerAuth(tpm: Tpm, value: string): Promise<void> {
  const params = sized(Buffer.from(value));
  await tpm.run({
    command: 'HierarchyChangeAuth',
    handles: [namedByHandle(HANDLE.OWNER)],
    auth: emptyPassword,
    params,
  });
}

/** Sets after how many failures the TPM locks itself, and for how many seconds. */
export async function setLockout(tpm: Tpm, tries: number, seconds: number): Promise<void> {
  const params = Buffer.concat([u32(tries), u32(seconds), u32(seconds)]);
  await tpm.run({
    command: 'DictionaryAttackParameters',
    handles: [namedByHandle(HANDLE.LOCKOUT)],
    auth: emptyPassword,
    params,
  });
}

/** Defines an NV index that is no counter. */
export async function defineOrdinary(tpm: Tpm, index: number): Promise<void> {
  const area = Buffer.concat([u32(index), Buffer.from('000b0206000600000008', 'hex')]);
  const params = Buffer.concat([sized(Buffer.alloc(0)), sized(area)]);
  await tpm.run({ command: 'NV_DefineSpace', handles: [namedByHandle(HANDLE.OWNER)], auth: emptyPassword, params });
}

/** Forgets the failures. */
export async function resetLockout(tpm: Tpm): Promise<void> {
  await tpm.run({
    command: 'DictionaryAttackLockReset',
    handles: [namedByHandle(HANDLE.LOCKOUT)],
    auth: emptyPassword,
  });
}

/** TPM2_PCR_Extend as bytes, to be put between other commands. */
export function extendFrame(pcr: number): Buffer {
  const auth = Buffer.from('00000009400000090000010000', 'hex');
  const body = Buffer.concat([u32(pcr), auth, u32(1), Buffer.from('000b', 'hex'), Buffer.alloc(32, 0x5a)]);
  return Buffer.concat([Buffer.from('8002', 'hex'), u32(10 + body.length), u32(0x182), body]);
}

/** Code of a command. */
export function commandCode(bytes: Uint8Array): number {
  return Buffer.from(bytes).readUInt32BE(6);
}

/** A reply that holds nothing but a response code. */
export function rcReply(rc: number): Buffer {
  return Buffer.concat([Buffer.from('8001', 'hex'), u32(10), u32(rc)]);
}

/** Stands between the client and a TPM. `exchange` gets the command and a way to pass it, or any other, on. */
export function interposed(
  inner: Transport,
  exchange: (command: Buffer, pass: (command: Uint8Array) => Promise<Buffer>) => Promise<Buffer>,
): Transport {
  return {
    label: inner.label,
    transmit: (command, timeoutMs) => exchange(Buffer.from(command), (bytes) => inner.transmit(bytes, timeoutMs)),
    close: () => inner.close(),
  };
}
