import { generateKeyPairSync } from 'node:crypto';
import { isFieldsealError } from '@fieldseal/core';
import { describe, expect, it } from 'vitest';
import { pcrExtend, pcrRead, type Tpm } from '../src/client.ts';
import { type PolicySignature, signPcrValues, type TpmSlotOptions, tpmSlot, tpmStatus } from '../src/index.ts';
import { taken } from './harness.ts';
import { setOwnerAuth } from './raw-commands.ts';
import { record, replay, type Scenario } from './transcript.ts';

const extend7 = (tpm: Tpm) => pcrExtend(tpm, 7, Buffer.alloc(32, 7));

/** Seals and opens, and gives the parameters and the key. */
const roundTrip =
  (options: TpmSlotOptions = {}): Scenario['run'] =>
  async (device) => {
    const slot = tpmSlot({ device, ...options });
    const params = await slot.create();
    await slot.commit();
    return { params, key: taken(await slot.slotKey(params)) };
  };

const SCENARIOS: readonly Scenario[] = [
  { name: 'plain', run: roundTrip() },
  { name: 'pcrs', prepare: extend7, run: roundTrip({ pcrs: [7] }) },
  { name: 'counter', run: roundTrip({ counter: { index: 0x01800042 } }) },
  { name: 'owner-auth', prepare: (tpm) => setOwnerAuth(tpm, 'owner'), run: roundTrip({ ownerAuth: 'owner' }) },
  {
    name: 'pin',
    run: async (device) => {
      const pin = async () => 'correct horse';
      const params = await tpmSlot({ device, pin }).create();
      const key = taken(await tpmSlot({ device, pin }).slotKey(params));
      const wrong = await tpmSlot({ device, pin: async () => 'battery staple' })
        .slotKey(params)
        .catch((error: unknown) => isFieldsealError(error) && [error.code, error.summary]);
      return { params, key, wrong };
    },
  },
  {
    name: 'signed',
    prepare: async (tpm) => {
      await extend7(tpm);
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      const signature = signPcrValues(
        privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        await pcrRead(tpm, [7]),
      );
      return { publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(), signature };
    },
    run: (device, input) => {
      const { publicKey, signature } = input as { publicKey: string; signature: PolicySignature };
      return roundTrip({ signer: { publicKey }, signatures: [signature] })(device, input);
    },
  },
  { name: 'status', prepare: extend7, run: (device) => tpmStatus(device) },
];

describe('recorded exchanges, byte for byte', () => {
  it.each(SCENARIOS)('$name', async (scenario) => {
    if (process.env['RECORD']) await record(scenario);
    const { result, expected, left } = await replay(scenario);
    expect(JSON.parse(JSON.stringify(result))).toEqual(expected);
    expect(left).toBe(0);
  });

  it('another seed is noticed: the replay compares the commands', async () => {
    await expect(replay({ name: 'plain', run: roundTrip({ ownerAuth: 'x' }) })).rejects.toThrow(
      /exchange \d+ of plain/,
    );
  });
});
