import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createKeyring, formatRecoveryKey, keyringFile, rawKey } from '@fieldseal/core';
import { type SwtpmService, startSwtpm } from '@fieldseal/testkit';
import { pcrExtend, TpmDevice } from '@fieldseal/tpm/client';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fieldseal, parsed, scratch } from './harness.ts';

const { path, remove } = scratch();
afterAll(remove);

const SELF = fileURLToPath(import.meta.url);
const KEY = '22'.repeat(32);
let tpm: SwtpmService;
let env: Record<string, string>;
let recovery: string;
let count = 0;

beforeEach(async () => {
  tpm = await startSwtpm({ server: 'unix' });
  const file = path(`keyring-${count++}.json`);
  const created = await createKeyring({ storage: keyringFile(file), openers: [rawKey(KEY)] });
  recovery = formatRecoveryKey(created.recovery);
  created.keyring.close();
  env = { FIELDSEAL_KEYRING: file, FIELDSEAL_TPM_DEVICE: `swtpm:path=${tpm.path}`, FIELDSEAL_KEY: KEY };
});
afterEach(() => tpm.stop());

const withRecovery = (): Record<string, string> => ({ ...env, FIELDSEAL_RECOVERY_KEY: recovery });
const slotsOf = async () => {
  const { keyring } = parsed(await fieldseal(['tpm', 'status', '--json'], env)) as {
    keyring: { slots: { id: string; pcrs: number[]; pin: boolean }[] };
  };
  return keyring.slots;
};
const extend = () =>
  new TpmDevice(env['FIELDSEAL_TPM_DEVICE'] as string).operation((session) =>
    pcrExtend(session, 7, Buffer.alloc(32, 7)),
  );

describe('fieldseal tpm', () => {
  it('enrolls, checks, and removes; the warnings say that it is a software TPM', async () => {
    const enrolled = await fieldseal(['tpm', 'enroll'], withRecovery());
    expect(enrolled).toMatchObject({ code: 0, stderr: expect.stringMatching(/software TPM/) });
    expect(enrolled.stdout).toMatch(/^opens on +this TPM$/m);
    const { FIELDSEAL_KEY: _, ...bare } = env;
    expect(await fieldseal(['tpm', 'unseal-check'], bare)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/opened in +\d+ ms/),
    });
    expect(await fieldseal(['tpm', 'remove'], env)).toMatchObject({ code: 0 });
    expect(await slotsOf()).toEqual([]);
    expect((await fieldseal(['tpm', 'unseal-check'], bare)).stderr).toMatch(/ERR_KEYRING_LOCKED/);
  });

  it('reseals after an update: with the recovery key alone', async () => {
    await extend();
    expect((await fieldseal(['tpm', 'enroll', '--pcrs', '7', '--counter', '0x01800042'], withRecovery())).code).toBe(0);
    const [before] = await slotsOf();
    await extend();
    const refused = await fieldseal(['tpm', 'unseal-check'], env);
    expect(refused).toMatchObject({ code: 9, stderr: expect.stringMatching(/PCR 7 \[ERR_TPM_PCR_MISMATCH\]/) });
    const { FIELDSEAL_KEY: _, ...bare } = withRecovery();
    expect((await fieldseal(['tpm', 'reseal'], bare)).code).toBe(0);
    const [after, ...more] = await slotsOf();
    expect(more).toEqual([]);
    expect(after).toMatchObject({ pcrs: [7] });
    expect(after?.id).not.toBe(before?.id);
    expect((await fieldseal(['tpm', 'unseal-check'], env)).code).toBe(0);
  });

  it('signs policies, enrolls for them, and opens by them', async () => {
    await extend();
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    writeFileSync(path('signer.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(path('signer.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    const out = path('signatures.json');
    const sign = () => fieldseal(['tpm', 'sign-policy', '--key', path('signer.pem'), '--pcrs', '7', '--out', out], env);
    expect(await sign()).toMatchObject({ code: 0, stderr: '' });
    const enrolled = await fieldseal(
      ['tpm', 'enroll', '--signer', path('signer.pub'), '--signatures', out],
      withRecovery(),
    );
    expect(enrolled.code).toBe(0);
    await extend();
    expect((await fieldseal(['tpm', 'unseal-check', '--signatures', out], env)).stderr).toMatch(
      /ERR_TPM_SIGNATURE_MISSING/,
    );
    await sign();
    expect((await fieldseal(['tpm', 'unseal-check', '--signatures', out], env)).code).toBe(0);
    expect(JSON.parse(readFileSync(out, 'utf8')).signatures).toHaveLength(2);
    writeFileSync(path('values.json'), JSON.stringify({ 7: '00'.repeat(32) }));
    const offline = await fieldseal([
      'tpm',
      'sign-policy',
      '--key',
      path('signer.pem'),
      '--values',
      path('values.json'),
      '--out',
      out,
    ]);
    expect(offline.stdout).toMatch(/in the file +3/);
  });

  it('asks for a PIN from the environment, and warns of power cuts', async () => {
    const pin = { FIELDSEAL_TPM_PIN: 'correct horse' };
    const enrolled = await fieldseal(['tpm', 'enroll', '--pin'], { ...withRecovery(), ...pin });
    expect(enrolled).toMatchObject({ code: 0, stderr: expect.stringMatching(/power cut/) });
    expect((await fieldseal(['tpm', 'unseal-check'], { ...env, ...pin })).code).toBe(0);
    expect((await fieldseal(['tpm', 'unseal-check'], env)).stderr).toMatch(/ERR_TPM_PIN_REQUIRED/);
    const wrong = await fieldseal(['tpm', 'unseal-check'], { ...env, FIELDSEAL_TPM_PIN: 'battery staple' });
    expect(wrong.stderr).toMatch(/tries are left.*ERR_TPM_PIN_WRONG/);
    expect(wrong.stderr).not.toContain('battery');
    expect((await fieldseal(['tpm', 'reseal'], withRecovery())).code).toBe(2);
    expect((await fieldseal(['tpm', 'reseal'], { ...withRecovery(), ...pin })).code).toBe(0);
    expect(await slotsOf()).toMatchObject([{ pin: true }]);
  });

  it('shows the TPM, and the slots of other ones as such', async () => {
    await fieldseal(['tpm', 'enroll'], withRecovery());
    const other = await startSwtpm({ server: 'unix' });
    const { code, stdout } = await fieldseal(['tpm', 'status', '--device', `swtpm:path=${other.path}`], env).finally(
      () => other.stop(),
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^vendor +IBM SW TPM$/m);
    expect(stdout).toMatch(/^locked +no$/m);
    expect(stdout).toMatch(/another TPM/);
    expect(stdout).not.toContain('BEGIN TSS2');
  });

  it.each<[string, string[], number, RegExp]>([
    ['no recovery key', ['tpm', 'enroll'], 3, /ERR_KEY_MISSING[\s\S]*FIELDSEAL_RECOVERY_KEY/],
    ['no TPM', ['tpm', 'status', '--device', '/nowhere/tpm'], 9, /ERR_TPM_NOT_FOUND/],
    ['an address of no form', ['tpm', 'status', '--device', 'nowhere'], 2, /ERR_OPTIONS/],
    ['no slot to remove', ['tpm', 'remove'], 1, /ERR_KEYRING_SLOT/],
    ['no keyring', ['tpm', 'remove', '--keyring', '/nowhere/keyring.json'], 4, /ERR_KEYRING_MISSING/],
    ['no key to sign with', ['tpm', 'sign-policy', '--pcrs', '7'], 2, /--key and --out/],
    [
      'a key that is not there',
      ['tpm', 'sign-policy', '--key', '/nowhere', '--pcrs', '7', '--out', '/nowhere/x'],
      6,
      /ERR_FILE_IO/,
    ],
    ['PCRs that are no numbers', ['tpm', 'sign-policy', '--key', 'k', '--out', 'o', '--pcrs', '7,x'], 2, /--pcrs/],
    ['values that are none', ['tpm', 'sign-policy', '--key', 'k', '--out', 'o', '--values', SELF], 2, /--values/],
    ['neither PCRs nor values', ['tpm', 'sign-policy', '--key', 'k', '--out', 'o'], 2, /either --pcrs or --values/],
    ['a slot that is not there', ['tpm', 'remove', '--slot', 'x'], 1, /ERR_KEYRING_SLOT/],
    ['a command that is not there', ['tpm', 'enrol'], 2, /tpm enroll/],
  ])('%s', async (_, argv, code, message) => {
    const outcome = await fieldseal(argv, env);
    expect(outcome.stderr).toMatch(message);
    expect(outcome).toMatchObject({ code, stdout: '' });
  });

  it.each<[string, string[]]>([
    ['a PIN that is not set', ['--pin']],
    ['an index that is none', ['--counter', '42']],
    ['PCRs that are none', ['--pcrs', 'seven']],
  ])('enroll refuses %s', async (_, flags) => {
    expect(await fieldseal(['tpm', 'enroll', ...flags], withRecovery())).toMatchObject({ code: 2 });
    expect(await slotsOf()).toEqual([]);
  });
});
