import { describe, expect, it } from 'vitest';
import { systemProblem } from '../src/client/transport.ts';
import { tpmSlot } from '../src/index.ts';
import { codeOf, startTpm } from './harness.ts';

describe('reaching the TPM', () => {
  it.each(['/nowhere/tpmrm0', 'swtpm:path=/nowhere/tpm', 'swtpm:host=127.0.0.1,port=1'])(
    '%s: not found',
    async (device) => {
      expect(await codeOf(tpmSlot({ device }).create())).toBe('ERR_TPM_NOT_FOUND');
    },
  );

  it('auto is the TPM of the kernel and nothing else', async () => {
    expect(['ERR_TPM_NOT_FOUND', 'ERR_TPM_PERMISSION', 'nothing was thrown']).toContain(
      await codeOf(tpmSlot().create()),
    );
  });

  it.each(['', 'tpm0', 'swtpm:', 'swtpm:port=1', 'fd:', 'fd:-1', 'tabrmd:'])(
    'refuses the address "%s"',
    async (device) => {
      expect(await codeOf(tpmSlot({ device }).create())).toBe('ERR_OPTIONS');
    },
  );

  it.each([
    ['EACCES', 'ERR_TPM_PERMISSION'],
    ['EPERM', 'ERR_TPM_PERMISSION'],
    ['EBUSY', 'ERR_TPM_BUSY'],
    ['ENODEV', 'ERR_TPM_NOT_FOUND'],
    ['EIO', 'ERR_TPM_IO'],
  ])('the system error %s is %s', async (system, code) => {
    const error = systemProblem(Object.assign(new Error('x'), { code: system }), '/dev/tpmrm0');
    expect(await codeOf(Promise.reject(error))).toBe(code);
    expect(error.message).toContain('/dev/tpmrm0');
  });

  it('a TPM that gives up in the midst is told as such, and the next operation as well', async () => {
    const tpm = await startTpm();
    const slot = tpmSlot({ device: tpm.device });
    const params = await slot.create();
    const open = () => slot.slotKey(params);
    await tpm.service.powerCut();
    expect(await codeOf(open())).toBe('ERR_TPM_IO');
    expect(await codeOf(open())).toBe('ERR_TPM_IO');
  });
});
