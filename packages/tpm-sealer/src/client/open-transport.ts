import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import { DeviceTransport } from './device-transport.ts';
import { connectTransport, SocketTransport } from './socket-transport.ts';
import { systemProblem, type Transport } from './transport.ts';

/**
 * Where a TPM is: `auto` (the kernel's /dev/tpmrm0, or /dev/tpm0 where there is no resource manager; never a software TPM), the path of a
 * device, `swtpm:path=<UNIX socket>`, `swtpm:host=<name>,port=<number>`, or `fd:<number>` for a descriptor that is open already.
 */
export type DeviceAddress = string;

/** Tried for `auto`, the one that programs can share first. */
const KERNEL_DEVICES = ['/dev/tpmrm0', '/dev/tpm0'] as const;

/**
 * Opens the way to a TPM.
 *
 * @param timeoutMs - for connecting
 * @throws ERR_OPTIONS for an address of no known form, ERR_TPM_NOT_FOUND, ERR_TPM_PERMISSION, ERR_TPM_BUSY, ERR_TPM_TIMEOUT, ERR_TPM_IO
 */
export async function openTransport(address: DeviceAddress, timeoutMs: number): Promise<Transport> {
  if (address === 'auto') return openKernelDevice();
  if (address.startsWith('/')) return DeviceTransport.open(address);
  const [, path] = /^swtpm:path=(.+)$/.exec(address) ?? [];
  if (path !== undefined) return connectTransport({ path }, timeoutMs);
  const [, host, port] = /^swtpm:host=([^,]+),port=(\d{1,5})$/.exec(address) ?? [];
  if (host !== undefined) return connectTransport({ host, port: Number(port) }, timeoutMs);
  const [, fd] = /^fd:(\d{1,6})$/.exec(address) ?? [];
  if (fd !== undefined) return openDescriptor(Number(fd));
  const forms = 'auto, /dev/…, swtpm:path=…, swtpm:host=…,port=… or fd:…';
  throw new FieldsealError('ERR_OPTIONS', `the address of a TPM is ${forms}`);
}

/** Only a missing device leads to the next one: one that may not be used is told. */
async function openKernelDevice(): Promise<Transport> {
  for (const path of KERNEL_DEVICES) {
    try {
      return await DeviceTransport.open(path);
    } catch (error) {
      if (!isFieldsealError(error, 'ERR_TPM_NOT_FOUND')) throw error;
    }
  }
  throw new FieldsealError('ERR_TPM_NOT_FOUND', `there is no TPM: neither ${KERNEL_DEVICES.join(' nor ')} exists`);
}

function openDescriptor(fd: number): Transport {
  const label = `descriptor ${fd}`;
  try {
    if (!fstatSync(fd).isSocket()) return new DeviceTransport(fd, label);
    return new SocketTransport(new Socket({ fd, readable: true, writable: true }), label);
  } catch (error) {
    throw systemProblem(error, label);
  }
}
