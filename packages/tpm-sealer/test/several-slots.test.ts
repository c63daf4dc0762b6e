import { openKeyring, rawKey } from '@fieldseal/core';
import { expect, it } from 'vitest';
import { addTpmSlot, tpmSlot } from '../src/index.ts';
import { codeOf, newKeyring, startTpm } from './harness.ts';

const RAW = rawKey('11'.repeat(32));

it('a keyring with slots of several TPMs opens on each, and tells the reason on none', async () => {
  const [one, other, third] = [await startTpm(), await startTpm(), await startTpm()];
  const { keyring, storage, recovery } = await newKeyring(RAW);
  for (const tpm of [one, other]) await addTpmSlot(keyring, tpmSlot({ device: tpm.device }), recovery);
  for (const tpm of [one, other]) (await openKeyring({ storage, openers: [tpmSlot({ device: tpm.device })] })).close();
  expect(await codeOf(openKeyring({ storage, openers: [tpmSlot({ device: third.device })] }))).toBe(
    'ERR_TPM_SRK_MISMATCH',
  );
  // Whoever lists another way gets it.
  (await openKeyring({ storage, openers: [tpmSlot({ device: third.device }), RAW] })).close();
});

it('what is no matter of the slot ends the search', async () => {
  const tpm = await startTpm();
  const { storage } = await newKeyring(tpmSlot({ device: tpm.device }));
  await tpm.service.powerCut();
  expect(await codeOf(openKeyring({ storage, openers: [tpmSlot({ device: tpm.device }), RAW] }))).toBe('ERR_TPM_IO');
});
