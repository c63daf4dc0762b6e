import { openKeyring, rawKey } from '@fieldseal/core';
import { describe, expect, it } from 'vitest';
import { addTpmSlot, resealTpmSlot, tpmSlot } from '../src/index.ts';
import { codeOf, newKeyring, startTpm } from './harness.ts';

const RAW = rawKey('11'.repeat(32));

describe('slots and recovery', () => {
  it('adds no slot without a recovery key that works', async () => {
    const tpm = await startTpm();
    const { keyring } = await newKeyring(RAW);
    const { recovery: stranger } = await newKeyring(RAW);
    for (const proof of [RAW, stranger])
      expect(await codeOf(addTpmSlot(keyring, tpmSlot({ device: tpm.device }), proof))).toBe('ERR_KEYRING_SLOT');
  });

  it('the last slot stays, and only a TPM slot is resealed', async () => {
    const tpm = await startTpm();
    const { keyring, recovery } = await newKeyring(tpmSlot({ device: tpm.device }));
    const { slots } = await keyring.describe();
    const of = (type: string) => slots.find((slot) => slot.type === type)?.id ?? '';
    expect(await codeOf(keyring.removeSlot(of('tpm2')))).toBe('ERR_KEYRING_SLOT');
    expect(await codeOf(resealTpmSlot(keyring, of('recoveryKey'), tpmSlot({ device: tpm.device }), recovery))).toBe(
      'ERR_KEYRING_SLOT',
    );
  });

  it('the recovery key opens the keyring when the TPM is gone', async () => {
    const tpm = await startTpm();
    const { storage, recovery } = await newKeyring(tpmSlot({ device: tpm.device }));
    await tpm.service.powerCut();
    expect(await codeOf(openKeyring({ storage, openers: [tpmSlot({ device: tpm.device })] }))).toBe('ERR_TPM_IO');
    (await openKeyring({ storage, openers: [recovery] })).close();
  });
});
