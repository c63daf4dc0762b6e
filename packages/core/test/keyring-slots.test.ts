import { describe, expect, it } from 'vitest';
import { generateRawKey, generateRecoveryKey } from '../src/keyring/key-text.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { passphrase, rawKey, recoveryKey, type SlotOpener } from '../src/keyring/slot.ts';
import { codeOfPromise } from './error-code.ts';
import { storedDocument, storedText, type TestKeyring, testKeyring } from './test-keyring.ts';

const WORDS = passphrase('correct horse battery', { logN: 14 });

async function slotsOf({ storage }: TestKeyring): Promise<string[]> {
  return (await storedDocument(storage)).slots.map(({ type }) => type);
}

async function slotId({ storage }: TestKeyring, type: string): Promise<string> {
  return (await storedDocument(storage)).slots.find((slot) => slot.type === type)?.id ?? 'none';
}

describe('addSlot', () => {
  it('adds a way to open the keyring, once recovery was proved', async () => {
    const ring = await testKeyring();
    const id = await ring.keyring.addSlot(WORDS, recoveryKey(ring.recovery));
    expect(await slotsOf(ring)).toEqual(['rawKey', 'recoveryKey', 'passphrase']);
    expect(await slotId(ring, 'passphrase')).toBe(id);
    expect((await openKeyring({ storage: ring.storage, openers: [WORDS] })).id).toBe(ring.keyring.id);
  });

  it('accepts any recovery key of the keyring as proof', async () => {
    const ring = await testKeyring();
    const second = recoveryKey(generateRecoveryKey());
    await ring.keyring.addSlot(second, recoveryKey(ring.recovery));
    await ring.keyring.addSlot(WORDS, second);
    expect(await slotsOf(ring)).toEqual(['rawKey', 'recoveryKey', 'recoveryKey', 'passphrase']);
  });

  it('refuses every other proof', async () => {
    const ring = await testKeyring();
    const other = await testKeyring();
    const before = await storedText(ring.storage);
    const proofs: readonly SlotOpener[] = [
      ring.opener,
      WORDS,
      recoveryKey(generateRecoveryKey()),
      recoveryKey(other.recovery),
      { ...ring.opener, type: 'recoveryKey' },
      { ...recoveryKey(ring.recovery), type: 'rawKey' },
    ];
    for (const proof of proofs)
      expect(await codeOfPromise(ring.keyring.addSlot(WORDS, proof))).toBe('ERR_KEYRING_SLOT');
    expect(await storedText(ring.storage)).toBe(before);
  });

  it('refuses a recovery key that was removed by another process', async () => {
    const ring = await testKeyring();
    const other = await openKeyring({ storage: ring.storage, openers: [ring.opener] });
    const old = await slotId(ring, 'recoveryKey');
    await other.addSlot(recoveryKey(generateRecoveryKey()), recoveryKey(ring.recovery));
    await other.removeSlot(old);
    expect(await codeOfPromise(ring.keyring.addSlot(WORDS, recoveryKey(ring.recovery)))).toBe('ERR_KEYRING_SLOT');
    expect(await slotsOf(ring)).toEqual(['rawKey', 'recoveryKey']);
  });

  it('refuses a slot that does not open again, as of a device that gives another key each time', async () => {
    const ring = await testKeyring();
    const faulty: SlotOpener = { type: 'device', create: async () => ({}), slotKey: async () => generateRawKey() };
    expect(await codeOfPromise(ring.keyring.addSlot(faulty, recoveryKey(ring.recovery)))).toBe('ERR_KEYRING_SLOT');
    expect(await slotsOf(ring)).toEqual(['rawKey', 'recoveryKey']);
  });

  it('keeps to sixteen slots', async () => {
    const ring = await testKeyring();
    for (let at = 2; at < 16; at++) await ring.keyring.addSlot(rawKey(generateRawKey()), recoveryKey(ring.recovery));
    expect(await codeOfPromise(ring.keyring.addSlot(WORDS, recoveryKey(ring.recovery)))).toBe('ERR_KEYRING_SLOT');
    expect((await slotsOf(ring)).length).toBe(16);
    expect((await openKeyring({ storage: ring.storage, openers: [ring.opener] })).id).toBe(ring.keyring.id);
  });

  it('adds nothing when the opener fails', async () => {
    const ring = await testKeyring();
    const broken: SlotOpener = { ...WORDS, slotKey: () => Promise.reject(new Error('no device')) };
    await expect(ring.keyring.addSlot(broken, recoveryKey(ring.recovery))).rejects.toThrow('no device');
    expect(await slotsOf(ring)).toEqual(['rawKey', 'recoveryKey']);
  });
});

describe('removeSlot', () => {
  it('takes a way to open the keyring away', async () => {
    const ring = await testKeyring();
    const id = await ring.keyring.addSlot(WORDS, recoveryKey(ring.recovery));
    await ring.keyring.removeSlot(id);
    expect(await codeOfPromise(openKeyring({ storage: ring.storage, openers: [WORDS] }))).toBe('ERR_KEYRING_LOCKED');
    expect((await openKeyring({ storage: ring.storage, openers: [ring.opener] })).id).toBe(ring.keyring.id);
  });

  it('keeps the last recovery slot', async () => {
    const ring = await testKeyring();
    await ring.keyring.addSlot(WORDS, recoveryKey(ring.recovery));
    expect(await codeOfPromise(ring.keyring.removeSlot(await slotId(ring, 'recoveryKey')))).toBe('ERR_KEYRING_SLOT');
    expect(await slotsOf(ring)).toContain('recoveryKey');
  });

  it('keeps the last slot that is not for recovery, however many are', async () => {
    const ring = await testKeyring();
    await ring.keyring.addSlot(recoveryKey(generateRecoveryKey()), recoveryKey(ring.recovery));
    expect(await codeOfPromise(ring.keyring.removeSlot(await slotId(ring, 'rawKey')))).toBe('ERR_KEYRING_SLOT');
    expect(await slotsOf(ring)).toEqual(['rawKey', 'recoveryKey', 'recoveryKey']);
  });

  it('lets a recovery key be replaced', async () => {
    const ring = await testKeyring();
    const next = recoveryKey(generateRecoveryKey());
    const old = await slotId(ring, 'recoveryKey');
    await ring.keyring.addSlot(next, recoveryKey(ring.recovery));
    await ring.keyring.removeSlot(old);
    expect(await codeOfPromise(ring.keyring.addSlot(WORDS, recoveryKey(ring.recovery)))).toBe('ERR_KEYRING_SLOT');
    await ring.keyring.addSlot(rawKey(generateRawKey()), next);
    expect(await slotsOf(ring)).toEqual(['rawKey', 'recoveryKey', 'rawKey']);
  });

  it.each(['', 'none', '__proto__'])('refuses the unknown slot %j', async (id) => {
    const ring = await testKeyring();
    expect(await codeOfPromise(ring.keyring.removeSlot(id))).toBe('ERR_KEYRING_SLOT');
    expect(await slotsOf(ring)).toEqual(['rawKey', 'recoveryKey']);
  });

  it('leaves a slot that another process removes at the same time', async () => {
    const ring = await testKeyring();
    const id = await ring.keyring.addSlot(WORDS, recoveryKey(ring.recovery));
    const other = await openKeyring({ storage: ring.storage, openers: [ring.opener] });
    const codes = await Promise.all([ring.keyring, other].map((keyring) => codeOfPromise(keyring.removeSlot(id))));
    expect(codes.sort()).toEqual(['ERR_KEYRING_SLOT', 'none']);
  });

  it('never lets two processes remove the last two slots together', async () => {
    const ring = await testKeyring();
    const passphraseSlot = await ring.keyring.addSlot(WORDS, recoveryKey(ring.recovery));
    const other = await openKeyring({ storage: ring.storage, openers: [ring.opener] });
    const codes = await Promise.all([
      codeOfPromise(ring.keyring.removeSlot(passphraseSlot)),
      codeOfPromise(other.removeSlot(await slotId(ring, 'rawKey'))),
    ]);
    expect(codes.sort()).toEqual(['ERR_KEYRING_SLOT', 'none']);
    expect(await slotsOf(ring)).toHaveLength(2);
  });
});
