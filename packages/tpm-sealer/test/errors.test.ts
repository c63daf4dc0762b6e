import { generateKeyPairSync } from 'node:crypto';
import { ERROR_CODES, openKeyring, rawKey } from '@fieldseal/core';
import { afterAll, describe, expect, it } from 'vitest';
import {
  COMMANDS,
  createPrimary,
  decodeKeyFile,
  encodeKeyFile,
  evictControl,
  nvDefineCounter,
  nvIncrement,
  nvReadPublic,
  nvUndefine,
  pcrExtend,
  SRK_HANDLE,
  SRK_TEMPLATE,
  type Tpm,
  TpmDevice,
} from '../src/client.ts';
import {
  addTpmSlot,
  readPcrs,
  resealTpmSlot,
  signPcrValues,
  type TpmSlotOptions,
  tpmSlot,
  tpmSlots,
  tpmStatus,
} from '../src/index.ts';
import { sealSecret } from '../src/sealer/sealed-secret.ts';
import { newStorageRoot } from '../src/sealer/srk.ts';
import { codeOf, newKeyring, operate, startTpm, type TestTpm, taken } from './harness.ts';
import {
  clear,
  commandCode,
  defineOrdinary,
  extendFrame,
  interposed,
  rcReply,
  resetLockout,
  setLockout,
  setOwnerAuth,
} from './raw-commands.ts';

const RAW = rawKey('11'.repeat(32));
const COUNTER = 0x01800042;
const P384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
  .publicKey.export({ type: 'spki', format: 'der' })
  .toString('base64url');
const PIN = { kdf: 'scrypt', salt: Buffer.alloc(16).toString('base64url'), logN: 14 };
const damagedPublic = encodeKeyFile({
  emptyAuth: true,
  parent: 0x40000001,
  publicArea: Buffer.alloc(3),
  private: Buffer.alloc(3),
});
const extend7 = (tpm: Tpm) => pcrExtend(tpm, 7, Buffer.alloc(32, 7));

const seen = new Set<string>();
/** Code of a failure, which is noted as tested. */
async function failure(work: Promise<unknown>): Promise<string> {
  const code = await codeOf(work);
  seen.add(code);
  return code;
}

/** Seals a slot and gives what opens it. */
async function sealed(tpm: TestTpm, options: TpmSlotOptions = {}) {
  const slot = tpmSlot({ device: tpm.device, ...options });
  const params = await slot.create();
  const open = (more: TpmSlotOptions = {}) =>
    tpmSlot({ device: tpm.device, ...options, ...more })
      .slotKey(params)
      .then(taken);
  return { slot, params, open };
}

function signing() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  return {
    privateKey: privateKey.export(pem).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

describe('the storage root key', () => {
  it('a cleared TPM is another one', async () => {
    const tpm = await startTpm();
    const { open } = await sealed(tpm);
    await operate(tpm, clear);
    const commands: number[] = [];
    const watched = interposed(tpm.transport, (command, pass) => {
      commands.push(commandCode(command));
      return pass(command);
    });
    expect(await failure(open({ device: new TpmDevice(watched) }))).toBe('ERR_TPM_SRK_MISMATCH');
    // It was asked for its key once, and for nothing else.
    expect(commands).toEqual([COMMANDS.ReadPublic, COMMANDS.CreatePrimary, COMMANDS.FlushContext]);
  });

  it('enrols only under a Name that is given', async () => {
    const tpm = await startTpm();
    expect(await failure(tpmSlot({ device: tpm.device, srkName: `000b${'00'.repeat(32)}` }).create())).toBe(
      'ERR_TPM_SRK_MISMATCH',
    );
  });

  it('a closed owner hierarchy asks for its authorisation, which opens it', async () => {
    const tpm = await startTpm();
    const { open } = await sealed(tpm);
    await operate(tpm, (session) => setOwnerAuth(session, 'owner'));
    expect(await failure(open())).toBe('ERR_TPM_OWNER_AUTH');
    expect(await tpmStatus(tpm.device)).toMatchObject({ ownerAuthSet: true, srkName: null, persistentSrkName: null });
    expect((await tpmStatus(tpm.device, { ownerAuth: 'owner' })).srkName).toMatch(/^000b/);
    expect(await failure(open({ ownerAuth: 'wrong' }))).toBe('ERR_TPM_OWNER_AUTH');
    expect(await open({ ownerAuth: 'owner' })).toMatch(/^[0-9a-f]{64}$/);
    expect(await failure(tpmSlot({ device: tpm.device, counter: { index: COUNTER } }).create())).toBe(
      'ERR_TPM_OWNER_AUTH',
    );
  });

  it('a persistent key serves where the owner hierarchy is closed', async () => {
    const tpm = await startTpm();
    await operate(tpm, async (session) => {
      await evictControl(session, await createPrimary(session, SRK_TEMPLATE), SRK_HANDLE);
      await setOwnerAuth(session, 'owner');
    });
    const { params, open } = await sealed(tpm);
    expect(await open()).toMatch(/^[0-9a-f]{64}$/);
    expect(decodeKeyFile(String(params['key'])).parent).toBe(SRK_HANDLE);
  });
});

describe('the sealed key', () => {
  it('an altered one is refused by the TPM, or before', async () => {
    const tpm = await startTpm();
    const { params, slot } = await sealed(tpm);
    const lines = String(params['key']).split('\n');
    const flip = (text = '', at = 0) => `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
    for (const [line, at] of [
      [1, 0],
      [1, 20],
      [2, 10],
      [3, 30],
      [4, 30],
      [lines.length - 3, 5],
    ] as const) {
      const key = lines.map((text, number) => (number === line ? flip(text, at) : text)).join('\n');
      expect(await failure(slot.slotKey({ ...params, key }))).toBe('ERR_TPM_BLOB_INVALID');
    }
  });

  it.each([
    ['another version', { v: 2 }],
    ['no key', { key: '' }],
    ['another Name', { srk: 'zz' }],
    [
      'a policy that its key does not have',
      { policy: `[{"pcr":{"bank":"sha256","values":{"7":"${'11'.repeat(32)}"}}}]` },
    ],
    ['a policy that is no list', { policy: '{}' }],
    ['a signer on another curve', { policy: JSON.stringify([{ signed: { key: P384, ref: '' } }]) }],
    ['conditions out of order', { policy: JSON.stringify([{ authValue: PIN }, { authValue: PIN }]) }],
    ['a public half that is none', { key: damagedPublic }],
    ['an unknown condition', { policy: '[{"weather":"fine"}]' }],
  ])('%s is refused before the TPM is asked', async (_, change) => {
    const tpm = await startTpm();
    const { params, slot } = await sealed(tpm);
    await tpm.service.powerCut();
    expect(await failure(slot.slotKey({ ...params, ...change }))).toBe('ERR_TPM_BLOB_INVALID');
  });

  it('another PCR value in the policy is refused before the TPM is asked', async () => {
    const tpm = await startTpm();
    await operate(tpm, extend7);
    const { params, slot } = await sealed(tpm, { pcrs: [7] });
    await tpm.service.powerCut();
    const policy = String(params['policy']).replace(/[0-9a-f]{64}/, '11'.repeat(32));
    expect(await failure(slot.slotKey({ ...params, policy }))).toBe('ERR_TPM_BLOB_INVALID');
  });

  it('129 bytes are too many, and so is nothing', async () => {
    const tpm = await startTpm();
    for (const bytes of [0, 129])
      expect(
        await failure(
          operate(tpm, async (session) => {
            const root = await newStorageRoot(session, '', undefined);
            return sealSecret(session, root.key, Buffer.alloc(bytes), [], Buffer.alloc(0));
          }),
        ),
      ).toBe('ERR_TPM_TOO_LARGE');
  });
});

describe('PCRs', () => {
  it.each([
    [7, 'zeros'],
    [17, 'ones'],
  ])('PCR %i, which is all %s, is refused', async (pcr) => {
    const tpm = await startTpm();
    expect(await failure(tpmSlot({ device: tpm.device, pcrs: [pcr] }).create())).toBe('ERR_TPM_PCR_UNINITIALISED');
  });

  it('one that is extended in the midst is met with a fresh session, a few times', async () => {
    const tpm = await startTpm();
    await operate(tpm, extend7);
    const { open } = await sealed(tpm, { pcrs: [7] });
    const key = await open();
    let left = 0;
    const busy = new TpmDevice(
      interposed(tpm.transport, async (command, pass) => {
        if (commandCode(command) === COMMANDS.Unseal && left-- > 0) await pass(extendFrame(9));
        return pass(command);
      }),
    );
    left = 2;
    expect(await open({ device: busy })).toBe(key);
    left = 100;
    expect(await failure(open({ device: busy }))).toBe('ERR_TPM_PCR_RACE');
    expect(left).toBe(95);
  });
});

describe('signed policies', () => {
  it('opens for signed values, across boots, and tells missing and foreign signatures', async () => {
    const tpm = await startTpm();
    await operate(tpm, extend7);
    const [{ privateKey, publicKey }, stranger] = [signing(), signing()];
    const now = async (key = privateKey, ref = '') => signPcrValues(key, await readPcrs(tpm.device, [7]), ref);
    const first = await now();
    const { open } = await sealed(tpm, { signer: { publicKey }, signatures: async () => [first] });
    const key = await open();
    await operate(tpm, extend7);
    expect(await failure(open())).toBe('ERR_TPM_SIGNATURE_MISSING');
    expect(await open({ signatures: [first, await now()] })).toBe(key);
    expect(await open({ signatures: [await now(stranger.privateKey), await now()] })).toBe(key);
    expect(await failure(open({ signatures: [await now(stranger.privateKey)] }))).toBe('ERR_TPM_SIGNATURE_INVALID');
    expect(await failure(open({ signatures: [await now(privateKey, 'another purpose')] }))).toBe(
      'ERR_TPM_SIGNATURE_INVALID',
    );
  });

  it('is proved at enrolment: without a signature for the present values no slot is added', async () => {
    const tpm = await startTpm();
    await operate(tpm, extend7);
    const { publicKey } = signing();
    const { keyring, recovery, storage } = await newKeyring(RAW);
    const slot = tpmSlot({ device: tpm.device, signer: { publicKey }, signatures: [] });
    expect(await failure(addTpmSlot(keyring, slot, recovery))).toBe('ERR_TPM_SIGNATURE_MISSING');
    expect(await tpmSlots(storage)).toEqual([]);
  });

  it('a TPM that does not confirm a signature, and PCRs that change behind it, are told', async () => {
    const tpm = await startTpm();
    await operate(tpm, extend7);
    const { privateKey, publicKey } = signing();
    const signature = signPcrValues(privateKey, await readPcrs(tpm.device, [7]));
    const { open } = await sealed(tpm, { signer: { publicKey }, signatures: [signature] });
    const answering = (code: number, exchange: (pass: () => Promise<Buffer>) => Promise<Buffer>) =>
      new TpmDevice(
        interposed(tpm.transport, (command, pass) =>
          commandCode(command) === code ? exchange(() => pass(command)) : pass(command),
        ),
      );
    const refused = answering(COMMANDS.VerifySignature, async () => rcReply(0x2db));
    expect(await failure(open({ device: refused }))).toBe('ERR_TPM_SIGNATURE_INVALID');
    const moved = answering(COMMANDS.PolicyPCR, async (pass) => {
      await tpm.transport.transmit(extendFrame(7), 1000);
      return pass();
    });
    expect(await failure(open({ device: moved }))).toBe('ERR_TPM_PCR_MISMATCH');
  });

  it.each(['', 'no key', generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString()])(
    'refuses a signer that is not on P-256',
    (publicKey) => {
      expect(() => tpmSlot({ signer: { publicKey } })).toThrow(/ERR_OPTIONS/);
    },
  );
});

describe('PINs and the lockout', () => {
  const pin = async () => 'correct horse';
  const wrong = async () => 'battery staple';

  it('opens by its PIN, tells how many tries are left, and stops at the lockout', async () => {
    const tpm = await startTpm();
    await operate(tpm, (session) => setLockout(session, 3, 1000));
    const plain = await sealed(tpm);
    const { open, slot, params } = await sealed(tpm, { pin });
    const key = await open();
    expect(await failure(tpmSlot({ device: tpm.device }).slotKey(params))).toBe('ERR_TPM_PIN_REQUIRED');
    await expect(open({ pin: wrong })).rejects.toThrow(/2 tries are left/);
    expect(await open()).toBe(key);
    expect(await failure(open({ pin: wrong }))).toBe('ERR_TPM_PIN_WRONG');
    await expect(open({ pin: wrong })).rejects.toThrow(/0 tries are left|ERR_TPM_LOCKOUT/);
    await expect(open()).rejects.toThrow(/in \d+ s at the latest/);
    const before = await lockoutCounter(tpm);
    expect(await failure(slot.slotKey(params))).toBe('ERR_TPM_LOCKOUT');
    expect(await lockoutCounter(tpm)).toBe(before);
    expect(slot.skips(await slot.slotKey(params).catch((error: unknown) => error))).toBe(false);
    // A slot without a PIN does not care.
    expect(await plain.open()).toMatch(/^[0-9a-f]{64}$/);
    await operate(tpm, resetLockout);
    expect(await open()).toBe(key);
  });

  it('a power cut behind a right PIN counts as a try', async () => {
    let tpm = await startTpm();
    await operate(tpm, (session) => setLockout(session, 2, 1000));
    const { params } = await sealed(tpm, { pin });
    const open = () => tpmSlot({ device: tpm.device, pin }).slotKey(params).then(taken);
    await open();
    tpm = await tpm.powerCut();
    await open();
    tpm = await tpm.powerCut();
    expect(await failure(open())).toBe('ERR_TPM_LOCKOUT');
  });

  it.each(['', '123'])('refuses to enrol the PIN "%s"', async (text) => {
    expect(await failure(tpmSlot({ device: '/nowhere', pin: async () => text }).create())).toBe('ERR_OPTIONS');
  });
});

describe('the counter against an old keyring', () => {
  it('a reseal shuts the older slot out, also when the file is put back', async () => {
    const tpm = await startTpm();
    const { keyring, recovery, storage } = await newKeyring(RAW);
    const options = { device: tpm.device, counter: { index: COUNTER } };
    const first = await addTpmSlot(keyring, tpmSlot(options), recovery);
    const old = await storage.read();
    const opener = tpmSlot({ device: tpm.device });
    (await openKeyring({ storage, openers: [opener] })).close();
    await resealTpmSlot(keyring, first, tpmSlot(options), recovery);
    (await openKeyring({ storage, openers: [opener] })).close();
    const restored = { ...storage, read: async () => old };
    expect(await failure(openKeyring({ storage: restored, openers: [opener] }))).toBe('ERR_TPM_ROLLBACK');
    // Making the counter anew leads nowhere: it starts above the old one.
    await operate(tpm, async (session) => {
      await nvUndefine(session, await nvReadPublic(session, COUNTER));
      await nvDefineCounter(session, COUNTER);
      await nvIncrement(session, await nvReadPublic(session, COUNTER));
    });
    expect(await failure(openKeyring({ storage: restored, openers: [opener] }))).toBe('ERR_TPM_ROLLBACK');
  });

  it('before the increment both slots open, behind it only the new one', async () => {
    const tpm = await startTpm();
    const options = { counter: { index: COUNTER } };
    const old = await sealed(tpm, options);
    await old.slot.commit();
    const next = await sealed(tpm, options);
    const [a, b] = [await old.open(), await next.open()];
    expect(a).not.toBe(b);
    await next.slot.commit();
    await next.slot.commit();
    expect(await failure(old.open())).toBe('ERR_TPM_ROLLBACK');
    expect(await next.open()).toBe(b);
  });

  it('a removed counter, one that was not written, and a full TPM are told', async () => {
    const tpm = await startTpm();
    const { open } = await sealed(tpm, { counter: { index: COUNTER } });
    await operate(tpm, async (session) => nvUndefine(session, await nvReadPublic(session, COUNTER)));
    expect(await failure(open())).toBe('ERR_TPM_COUNTER_MISSING');
    await operate(tpm, (session) => nvDefineCounter(session, COUNTER));
    expect(await failure(open())).toBe('ERR_TPM_COUNTER_MISSING');
    await operate(tpm, async (session) => {
      for (let index = COUNTER + 1; ; index++) {
        const full = await nvDefineCounter(session, index).then(
          () => false,
          () => true,
        );
        if (full) return;
      }
    });
    expect(await failure(tpmSlot({ device: tpm.device, counter: { index: COUNTER - 1 } }).create())).toBe(
      'ERR_TPM_NV_SPACE',
    );
  });

  it('an index that holds something else, and a counter that is gone before the slot is committed, are told', async () => {
    const tpm = await startTpm();
    const { slot } = await sealed(tpm, { counter: { index: COUNTER } });
    await operate(tpm, async (session) => nvUndefine(session, await nvReadPublic(session, COUNTER)));
    expect(await failure(slot.commit())).toBe('ERR_TPM_COUNTER_MISSING');
    await operate(tpm, (session) => nvDefineCounter(session, COUNTER));
    expect(await failure(slot.commit())).toBe('ERR_TPM_COUNTER_MISSING');
    await operate(tpm, (session) => defineOrdinary(session, COUNTER + 1));
    expect(await failure(tpmSlot({ device: tpm.device, counter: { index: COUNTER + 1 } }).create())).toBe(
      'ERR_OPTIONS',
    );
  });

  it.each([0, 0x01500000, 0x01c00000, 1.5])('refuses the index %d', (index) => {
    expect(() => tpmSlot({ counter: { index } })).toThrow(/ERR_OPTIONS/);
  });
});

describe('a TPM that cannot', () => {
  it.each([
    [COMMANDS.StartAuthSession, 0x2d6, 'ERR_TPM_ENCRYPTION_UNSUPPORTED'],
    [COMMANDS.CreatePrimary, 0x2e6, 'ERR_TPM_ENCRYPTION_UNSUPPORTED'],
    [COMMANDS.Create, 0x1d5, 'ERR_TPM_TOO_LARGE'],
    [COMMANDS.Create, 0x9a2, 'ERR_TPM_IO'],
    [COMMANDS.Create, 0x101, 'ERR_TPM_REFUSED'],
  ])('command %i answered by %i is %s', async (code, rc, expected) => {
    const tpm = await startTpm({
      wrap: (inner) =>
        interposed(inner, async (command, pass) => (commandCode(command) === code ? rcReply(rc) : pass(command))),
    });
    expect(await failure(tpmSlot({ device: tpm.device }).create())).toBe(expected);
  });
});

async function lockoutCounter(tpm: TestTpm): Promise<number> {
  return (await tpmStatus(tpm.device)).lockout.counter;
}

afterAll(() => {
  const elsewhere = ['ERR_TPM_BUSY', 'ERR_TPM_NOT_FOUND', 'ERR_TPM_PERMISSION', 'ERR_TPM_TIMEOUT']; // reaching.test.ts, transport.test.ts
  const ours = ERROR_CODES.filter((code) => code.startsWith('ERR_TPM_') && !elsewhere.includes(code));
  const missing = ours.filter((code) => !seen.has(code));
  expect(missing).toEqual([]);
});
