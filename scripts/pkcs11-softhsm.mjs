/**
 * Tries KEKs in PKCS #11 on a real library, SoftHSM 2 through pkcs11js: the contract of key wrappers, what goes wrong with tokens, PINs and
 * sessions, keyrings across processes, and that wrapped keys open with node:crypto alone. A job of its own, since it takes a compiler:
 *
 *     node scripts/pkcs11-softhsm.mjs
 *
 * The packages of the project have to be built (`npm run build`). Prints a line per test; ends with 1 when one fails.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createDecipheriv, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findSofthsm, loadPkcs11js } from './softhsm.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TOKEN = 'fieldseal';
const PIN = '27182818';
const POLICY = { backoffMs: 1, timeoutMs: 10_000 };

const core = await import(`${ROOT}/packages/core/lib/index.js`);
const { pkcs11Kek } = await import(`${ROOT}/packages/core/lib/kek.js`);
const { dekAad, deriveKeyId } = await import(`${ROOT}/packages/core/lib/internal.js`);
const pkcs11js = loadPkcs11js(ROOT);
const library = findSofthsm(ROOT);

/** PKCS #11 with SoftHSM loaded. */
function startModule() {
  const module = new pkcs11js.PKCS11();
  module.load(library);
  module.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
  return module;
}

/** One step of the job in a process of its own: opens the keyring, making it first if it is not there, and prints its key ids. */
async function inChild(path) {
  const module = startModule();
  const kek = pkcs11Kek({ module, token: TOKEN, key: 'app', pin: () => PIN });
  const storage = core.keyringFile(path);
  const openers = [core.rawKey(process.env.FIELDSEAL_KEY)];
  const exists = (await storage.read()) !== null;
  const keyring = exists
    ? await core.openKeyring({ storage, openers, keks: [kek] })
    : (await core.createKeyring({ storage, openers, kek })).keyring;
  const scope = exists ? await keyring.resolve('acme') : await keyring.addScope('acme');
  console.log(JSON.stringify([keyring.id, scope.primary.keyId]));
  if (exists) await keyring.rotate('acme');
  keyring.close();
  module.C_Finalize();
}

if (process.argv[2] === 'child') {
  await inChild(process.argv[3]);
  process.exit();
}

const { keyWrapperContract } = await import(`${ROOT}/packages/testkit/dist/index.js`);
const folder = mkdtempSync(join(tmpdir(), 'fieldseal-softhsm-'));
mkdirSync(join(folder, 'tokens'));
process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf');
writeFileSync(
  process.env.SOFTHSM2_CONF,
  `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
);

const module = startModule();
const info = module.C_GetInfo();
console.log(`${info.libraryDescription.trim()} ${info.libraryVersion.major}.${info.libraryVersion.minor}, ${library}`);

/** Makes a token with its user, and its keys. */
function makeToken() {
  const [slot] = module.C_GetSlotList(false);
  module.C_InitToken(slot, '31415926', TOKEN);
  const made = module
    .C_GetSlotList(true)
    .find((at) => module.C_GetTokenInfo(at).label.replaceAll('\0', '').trim() === TOKEN);
  const session = module.C_OpenSession(made, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  module.C_Login(session, pkcs11js.CKU_SO, '31415926');
  module.C_InitPIN(session, PIN);
  module.C_Logout(session);
  module.C_Login(session, pkcs11js.CKU_USER, PIN);
  for (const [label, value, extractable] of [
    ['app', undefined, false],
    ['other', undefined, false],
    ['extractable', undefined, true],
    ['twice', undefined, false],
    ['twice', undefined, false],
    ['known', KNOWN, false],
    ['decrypt only', undefined, false],
  ])
    makeKey(session, label, value, extractable);
  module.C_CloseSession(session);
  return made;
}

function makeKey(session, label, value, extractable) {
  const template = [
    { type: pkcs11js.CKA_CLASS, value: pkcs11js.CKO_SECRET_KEY },
    { type: pkcs11js.CKA_KEY_TYPE, value: pkcs11js.CKK_AES },
    { type: pkcs11js.CKA_TOKEN, value: true },
    { type: pkcs11js.CKA_PRIVATE, value: true },
    { type: pkcs11js.CKA_LABEL, value: label },
    { type: pkcs11js.CKA_SENSITIVE, value: true },
    { type: pkcs11js.CKA_EXTRACTABLE, value: extractable },
    { type: pkcs11js.CKA_ENCRYPT, value: label !== 'decrypt only' },
    { type: pkcs11js.CKA_DECRYPT, value: true },
  ];
  if (value === undefined)
    module.C_GenerateKey(session, { mechanism: pkcs11js.CKM_AES_KEY_GEN }, [
      ...template,
      { type: pkcs11js.CKA_VALUE_LEN, value: 32 },
    ]);
  else module.C_CreateObject(session, [...template, { type: pkcs11js.CKA_VALUE, value }]);
}

const KNOWN = randomBytes(32);
const slot = makeToken();
const tests = [];
const it = (title, body) => tests.push([title, body]);
const open = (options = {}) => pkcs11Kek({ module, token: TOKEN, key: 'app', pin: () => PIN, ...POLICY, ...options });

function sample() {
  const key = core.SecretBytes.random(32);
  return { key, context: { keyId: deriveKeyId(key), scope: 'acme', purpose: 'data' } };
}

async function fails(work, code) {
  await assert.rejects(
    work,
    (error) => core.isFieldsealError(error, code) || assert.fail(`${error} instead of ${code}`),
  );
}

keyWrapperContract(
  'SoftHSM',
  async () => ({
    open,
    other: () => open({ key: 'other', id: `pkcs11:${TOKEN}/app` }),
    renamed: () => open({ id: 'renamed' }),
  }),
  { it, describe: (_name, body) => body() },
);

it('opens with node:crypto and the key alone what the device wrapped', async () => {
  const { key, context } = sample();
  const kek = open({ key: 'known' });
  const wrapped = Buffer.from(await kek.wrap(key, context));
  const cipher = createDecipheriv('aes-256-gcm', KNOWN, wrapped.subarray(1, 13), { authTagLength: 16 });
  cipher.setAAD(dekAad(kek.id, context)).setAuthTag(wrapped.subarray(-16));
  const plain = Buffer.concat([cipher.update(wrapped.subarray(13, -16)), cipher.final()]);
  assert.deepEqual(plain, Buffer.from(key.expose()));
});

it('refuses a key that can be taken out of the device, unless that is allowed', async () => {
  const { key, context } = sample();
  await fails(open({ key: 'extractable' }).wrap(key, context), 'ERR_KEK_REFUSED');
  await open({ key: 'extractable', allowExtractable: true }).wrap(key, context);
});

it('refuses a label that two keys have, and one that no key has', async () => {
  const { key, context } = sample();
  await fails(open({ key: 'twice' }).wrap(key, context), 'ERR_KEK_REFUSED');
  await fails(open({ key: 'nobody' }).wrap(key, context), 'ERR_KEK_NOT_FOUND');
});

it('reports a key that may not encrypt as disabled', async () => {
  const { key, context } = sample();
  await fails(open({ key: 'decrypt only' }).wrap(key, context), 'ERR_KEK_DISABLED');
});

it('reports a token that is not there as unavailable', async () => {
  const { key, context } = sample();
  await fails(open({ token: 'elsewhere' }).wrap(key, context), 'ERR_KEK_UNAVAILABLE');
});

it('tries a wrong PIN once, so that it cannot lock the token', async () => {
  const { key, context } = sample();
  module.C_CloseAllSessions(slot);
  let asked = 0;
  const kek = open({ pin: () => `${++asked}-wrong` });
  for (let times = 0; times < 5; times++) await fails(kek.wrap(key, context), 'ERR_KEK_DENIED');
  assert.equal(asked, 1);
  await open().wrap(key, context);
});

it('finds its way back when its sessions were closed, and when PKCS #11 was initialised again', async () => {
  const { key, context } = sample();
  const kek = open();
  const wrapped = await kek.wrap(key, context);
  module.C_CloseAllSessions(slot);
  assert.ok((await kek.unwrap(wrapped, context)).equals(key));
  module.C_Finalize();
  await fails(kek.unwrap(wrapped, context), 'ERR_KEK_UNAVAILABLE');
  module.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
  assert.ok((await kek.unwrap(wrapped, context)).equals(key));
});

it('wraps two hundred keys at once', async () => {
  const kek = open();
  const samples = Array.from({ length: 200 }, sample);
  const wrapped = await Promise.all(samples.map(({ key, context }) => kek.wrap(key, context)));
  const keys = await Promise.all(wrapped.map((bytes, at) => kek.unwrap(bytes, samples[at].context)));
  for (const [at, key] of keys.entries()) assert.ok(key.equals(samples[at].key));
});

it('keeps a keyring in one process and opens it in others', async () => {
  const raw = core.formatRawKey(core.generateRawKey());
  const env = { ...process.env, FIELDSEAL_KEY: raw, TEST_SOFTHSM_LIBRARY: library };
  const run = () => {
    const script = [fileURLToPath(import.meta.url), 'child', join(folder, 'keyring.json')];
    const { status, stdout, stderr } = spawnSync(process.execPath, script, { env, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout.trim().split('\n').at(-1));
  };
  const [first, second, third] = [run(), run(), run()];
  assert.deepEqual(second, first);
  assert.equal(third[0], first[0]);
  assert.notEqual(third[1], first[1], 'the second process has rotated the key');
});

let failed = 0;
try {
  for (const [title, body] of tests) {
    try {
      await body();
      console.log(`ok  ${title}`);
    } catch (error) {
      failed++;
      console.error(`FAILED  ${title}\n${error.stack}`);
    }
  }
} finally {
  module.C_Finalize();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${tests.length - failed} of ${tests.length} passed`);
process.exitCode = failed === 0 ? 0 : 1;
