import { describe, expect, it } from 'vitest';
import {
  COMMANDS,
  createPrimary,
  createSealed,
  emptyPassword,
  load,
  pcrExtend,
  SRK_TEMPLATE,
  sealedTemplate,
  TpmDevice,
  type Transport,
  unseal,
} from '../src/client.ts';
import { type TpmSlotOptions, tpmSlot } from '../src/index.ts';
import { pinAuthValue } from '../src/sealer/pin.ts';
import { decodeSlot } from '../src/sealer/slot-params.ts';
import { codeOf, operate, startTpm, type TestTpm, taken } from './harness.ts';
import { commandCode, interposed } from './raw-commands.ts';

const pin = async () => 'correct horse';

/** Everything that crosses the wire. */
function recorder(inner: Transport): { device: TpmDevice; wire: () => Buffer } {
  const all: Buffer[] = [];
  const transport = interposed(inner, async (command, pass) => {
    const reply = await pass(command);
    all.push(command, Buffer.from(reply));
    return reply;
  });
  return { device: new TpmDevice(transport), wire: () => Buffer.concat(all) };
}

async function measured(): Promise<TestTpm> {
  const tpm = await startTpm();
  await operate(tpm, (session) => pcrExtend(session, 7, Buffer.alloc(32, 1)));
  return tpm;
}

describe('what crosses the wire', () => {
  it.each<[string, TpmSlotOptions]>([
    ['without a policy', {}],
    ['with PCRs', { pcrs: [7] }],
    ['with a PIN', { pin }],
  ])('holds no secret, %s', async (_, options) => {
    const tpm = await measured();
    const { device, wire } = recorder(tpm.transport);
    const slot = tpmSlot({ device, ...options });
    const params = await slot.create();
    const secret = Buffer.from(taken(await slot.slotKey(params)), 'hex');
    expect(wire().includes(secret)).toBe(false);
    // Not a half of it either.
    expect(wire().includes(secret.subarray(0, 8))).toBe(false);
    const step = decodeSlot(params).steps.find(({ kind }) => kind === 'pin');
    if (step?.kind === 'pin')
      expect(wire().includes(await pinAuthValue(await pin(), step.salt, step.logN))).toBe(false);
  });

  it('an owner authorisation is not on it', async () => {
    const tpm = await measured();
    const { device, wire } = recorder(tpm.transport);
    await codeOf(tpmSlot({ device, ownerAuth: 'the owner of it' }).create());
    expect(wire().includes(Buffer.from('the owner of it'))).toBe(false);
  });

  it('the recorder would find a secret that is sent in clear', async () => {
    const tpm = await measured();
    const { device, wire } = recorder(tpm.transport);
    const secret = Buffer.from('in the clear, as other tools do it');
    await device.operation(async (session) => {
      const root = await createPrimary(session, SRK_TEMPLATE);
      const template = sealedTemplate(0x452, Buffer.alloc(0));
      const object = await createSealed(session, root, emptyPassword, { secret, authValue: Buffer.alloc(0), template });
      expect(await unseal(session, await load(session, root, object), emptyPassword)).toEqual(secret);
    });
    expect(wire().includes(secret)).toBe(true);
  });
});

describe('an interposer that changes a bit', () => {
  /** Runs with the reply number `at` changed in one place, and says whether there was such a reply. */
  async function withChange(
    tpm: TestTpm,
    params: Awaited<ReturnType<ReturnType<typeof tpmSlot>['create']>>,
    at: number,
    place: (length: number) => number,
    options: TpmSlotOptions,
  ) {
    let count = 0;
    let changed: number | undefined;
    const device = new TpmDevice(
      interposed(tpm.transport, async (command, pass) => {
        const reply = await pass(command);
        if (count++ !== at) return reply;
        changed = commandCode(command);
        const bent = Buffer.from(reply);
        const byte = place(bent.length);
        bent[byte] = (bent[byte] as number) ^ 0x01;
        return bent;
      }),
      { timeoutMs: 200 },
    );
    const result = await tpmSlot({ ...options, device })
      .slotKey(params)
      .then(taken, () => 'refused');
    return { result, changed };
  }

  it.each<[string, TpmSlotOptions]>([
    ['without a policy', {}],
    ['with PCRs', { pcrs: [7] }],
  ])('in any reply is noticed, %s', async (_, options) => {
    const tpm = await measured();
    const slot = tpmSlot({ ...options, device: tpm.device });
    const params = await slot.create();
    const secret = taken(await slot.slotKey(params));
    const places = [
      (length: number) => length - 1,
      (length: number) => length - 3,
      (length: number) => length >> 1,
      (length: number) => length >> 2,
      () => 1,
      () => 5,
      () => 9,
      () => 11,
      () => 13,
    ];
    const tried = new Set<number>();
    for (let at = 0; ; at++) {
      let more = false;
      for (const place of places) {
        const { result, changed } = await withChange(
          tpm,
          params,
          at,
          (length) => Math.min(place(length), length - 1),
          options,
        );
        // What is left behind by a handle that was bent would fill the TPM.
        await operate(tpm, flushEverything);
        if (changed === undefined) continue;
        more = true;
        tried.add(changed);
        // Two replies have parts that lead nowhere: nobody reads the certificate of a new key, and a persistent key that is not there is made,
        // whose Name is pinned.
        if (changed === COMMANDS.CreatePrimary || changed === COMMANDS.ReadPublic)
          expect(['refused', secret]).toContain(result);
        else expect(`${at}: ${result}`).toBe(`${at}: refused`);
      }
      if (!more) break;
    }
    for (const command of [
      'ReadPublic',
      'CreatePrimary',
      'StartAuthSession',
      'Load',
      'Unseal',
      'FlushContext',
    ] as const)
      expect(tried).toContain(COMMANDS[command]);
  });

  it('every bit of the reply to Unseal is noticed', async () => {
    const tpm = await measured();
    const slot = tpmSlot({ device: tpm.device });
    const params = await slot.create();
    let bit = 0;
    let bits = 1;
    const device = new TpmDevice(
      interposed(tpm.transport, async (command, pass) => {
        const reply = Buffer.from(await pass(command));
        if (commandCode(command) !== COMMANDS.Unseal) return reply;
        bits = reply.length * 8;
        reply[bit >> 3] = (reply[bit >> 3] as number) ^ (1 << (bit & 7));
        return reply;
      }),
    );
    for (; bit < bits; bit += 3) {
      const result = await tpmSlot({ device })
        .slotKey(params)
        .then(taken, () => 'refused');
      expect(`${bit}: ${result}`).toBe(`${bit}: refused`);
      await operate(tpm, flushEverything);
    }
    expect(bits).toBeGreaterThan(600);
  });
});

/** Flushes whatever transient objects and sessions there can be. */
async function flushEverything(tpm: Parameters<Parameters<TpmDevice['operation']>[0]>[0]): Promise<void> {
  const handles = [0x80000000, 0x02000000, 0x03000000].flatMap((first) => [0, 1, 2].map((at) => first + at));
  for (const handle of handles) await tpm.flush(handle).catch(() => undefined);
}
