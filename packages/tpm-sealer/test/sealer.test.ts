import { openKeyring, rawKey } from '@fieldseal/core';
import { describe, expect, it } from 'vitest';
import {
  createPrimary,
  decodeKeyFile,
  load,
  pcrExtend,
  Session,
  SRK_TEMPLATE,
  TpmRcError,
  unseal,
} from '../src/client.ts';
import { addTpmSlot, resealTpmSlot, tpmSlot, tpmSlots } from '../src/index.ts';
import { codeOf, newKeyring, operate, startTpm } from './harness.ts';

const RAW = rawKey('11'.repeat(32));
const extend = (pcr: number) => (tpm: Parameters<typeof pcrExtend>[0]) =>
  pcrExtend(tpm, pcr, Buffer.alloc(32, pcr + 1));

describe('a TPM slot without a policy', () => {
  it('opens a keyring, also after a reboot and whatever was booted', async () => {
    const tpm = await startTpm();
    const { storage, keyring } = await newKeyring(tpmSlot({ device: tpm.device }));
    keyring.close();
    (await openKeyring({ storage, openers: [tpmSlot({ device: tpm.device })] })).close();
    const later = await tpm.reboot();
    await operate(later, extend(7));
    (await openKeyring({ storage, openers: [tpmSlot({ device: later.device })] })).close();
    const cut = await later.powerCut();
    (await openKeyring({ storage, openers: [tpmSlot({ device: cut.device })] })).close();
  });

  it('does not open on another TPM, and says so before it loads anything', async () => {
    const [one, other] = [await startTpm(), await startTpm()];
    const { storage } = await newKeyring(tpmSlot({ device: one.device }));
    expect(await codeOf(openKeyring({ storage, openers: [tpmSlot({ device: other.device })] }))).toBe(
      'ERR_TPM_SRK_MISMATCH',
    );
  });

  it('serves many openings at once', async () => {
    const tpm = await startTpm();
    const { storage } = await newKeyring(tpmSlot({ device: tpm.device }));
    const open = () =>
      openKeyring({ storage, openers: [tpmSlot({ device: tpm.device })] }).then((keyring) => keyring.close());
    await Promise.all(Array.from({ length: 20 }, open));
  });
});

describe('a slot bound to PCRs', () => {
  it('opens until one changes, names it, and opens again after a reseal', async () => {
    const tpm = await startTpm();
    await operate(tpm, extend(7));
    const { storage, keyring, recovery } = await newKeyring(RAW);
    const old = await addTpmSlot(keyring, tpmSlot({ device: tpm.device, pcrs: [7] }), recovery);
    const opener = tpmSlot({ device: tpm.device });
    (await openKeyring({ storage, openers: [opener] })).close();
    await operate(tpm, extend(7));
    await expect(openKeyring({ storage, openers: [opener] })).rejects.toThrow(/PCR 7 \[ERR_TPM_PCR_MISMATCH\]/);
    const [info] = await tpmSlots(storage);
    await resealTpmSlot(keyring, old, tpmSlot({ device: tpm.device, ...info?.policy }), recovery);
    (await openKeyring({ storage, openers: [opener] })).close();
    expect((await tpmSlots(storage)).map(({ pcrs }) => pcrs)).toEqual([[7]]);
  });

  it('does not open past its policy, by an empty authorisation', async () => {
    const tpm = await startTpm();
    await operate(tpm, extend(7));
    const params = await tpmSlot({ device: tpm.device, pcrs: [7] }).create();
    const attempt = operate(tpm, async (session) => {
      const root = await createPrimary(session, SRK_TEMPLATE);
      const object = await load(session, root, decodeKeyFile(String(params['key'])));
      return unseal(session, object, (await Session.start(session, 'hmac', root)).use({ encryptReply: true }));
    });
    await expect(attempt).rejects.toThrow(TpmRcError);
  });
});
