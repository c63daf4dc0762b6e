/**
 * Shows that what @fieldseal/tpm seals opens with tpm2-tools and nothing of ours, and that what tpm2-tools seal opens with our client. A job
 * of its own, since it needs programs that the tests do without:
 *
 *     node scripts/tpm-interop.mjs
 *
 * It takes an installed tpm2-tools, or unpacks the Debian packages into .cache/services/tpm2-tools; nothing is installed. The packages of
 * the project have to be built (`npm run build`). Prints a line per exchange and fails with the first that differs.
 */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, scryptSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from './debian-packages.mjs';
import { findTools } from './tpm2-tools.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRK = '0x81000001';

const { startSwtpm } = await import(`${ROOT}/packages/testkit/dist/index.js`);
const { readPcrs, signPcrValues, tpmSlot } = await import(`${ROOT}/packages/tpm-sealer/dist/index.js`);
const client = await import(`${ROOT}/packages/tpm-sealer/dist/client.js`);

const tools = findTools(ROOT);
const service = await startSwtpm({ server: 'unix' });
const folder = mkdtempSync(join(tmpdir(), 'fieldseal-interop-'));
const address = `swtpm:path=${service.path}`;
const device = new client.TpmDevice(address);
const file = (name) => join(folder, name);
const env = { ...process.env, ...tools.env, TPM2TOOLS_TCTI: `swtpm:path=${service.path}` };

/** Runs one of the tools. Each leaves its objects in a TPM without a resource manager. */
function tpm2(line) {
  const [command, ...args] = line.split(' ').map((word) => (word.startsWith('@') ? file(word.slice(1)) : word));
  const out = must(spawnSync('tpm2', [command, ...args], { env, encoding: 'buffer' }), `tpm2 ${command}`);
  if (command !== 'flushcontext' && command !== 'startauthsession' && !command.startsWith('policy'))
    must(spawnSync('tpm2', ['flushcontext', '-t'], { env }), 'tpm2 flushcontext');
  return out;
}

function same(what, found, expected) {
  if (!Buffer.from(found).equals(Buffer.from(expected))) throw new Error(`${what}: the two differ`);
  console.log(`ok  ${what}`);
}

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const pcrPolicyOf = (values) => client.afterPcr(client.EMPTY_POLICY, [...values.keys()], [...values.values()]);

/** Seals with our slot, and gives its parameters and its key. */
async function ourSlot(options = {}) {
  const slot = tpmSlot({ device, ...options });
  const params = await slot.create();
  const key = await slot.slotKey(params);
  writeFileSync(file('key.pem'), params.key);
  return { params, key: Buffer.from(key.expose()) };
}

/** Opens what the tools sealed. */
async function openOurs(object, satisfy) {
  return device.operation(async (tpm) => {
    const root = await client.readPublic(tpm, Number(SRK));
    const loaded = await client.load(tpm, root, object);
    const session = await client.Session.start(tpm, satisfy === undefined ? 'hmac' : 'policy', root);
    await satisfy?.(tpm, session);
    return client.unseal(tpm, loaded, session.use({ encryptReply: true, keep: false }));
  });
}

const fromTools = () => ({
  publicArea: readFileSync(file('tool.pub')).subarray(2),
  private: readFileSync(file('tool.priv')).subarray(2),
});

try {
  console.log(`tpm2-tools: ${tools.source}; ${tpm2('getrandom --version').toString().trim()}`);
  const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt|noda';
  tpm2('pcrextend 7:sha256=0707070707070707070707070707070707070707070707070707070707070707');

  // Names and digests.
  tpm2(`createprimary -C o -G ecc256:aes128cfb -g sha256 -a ${attributes} -c @srk.ctx`);
  const plain = await ourSlot();
  tpm2(`evictcontrol -C o -c @srk.ctx ${SRK}`);
  tpm2(`readpublic -c ${SRK} -n @srk.name`);
  same('Name of the storage root key', Buffer.from(plain.params.srk, 'hex'), readFileSync(file('srk.name')));
  tpm2('createpolicy --policy-pcr -l sha256:7,16 -L @pcr.policy');
  const values = await readPcrs(device, [7, 16]);
  same('digest of a PCR policy', pcrPolicyOf(values), readFileSync(file('pcr.policy')));

  // Ours, opened by the tools.
  tpm2('load -r @key.pem -c @k.ctx');
  same('our slot, opened by tpm2_load and tpm2_unseal', tpm2('unseal -c @k.ctx'), plain.key);
  const bound = await ourSlot({ pcrs: [7] });
  tpm2('load -r @key.pem -c @k.ctx');
  same('our slot bound to PCR 7', tpm2('unseal -c @k.ctx -p pcr:sha256:7'), bound.key);

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const signed = signPcrValues(
    privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    await readPcrs(device, [7]),
  );
  const fleet = await ourSlot({ signer: { publicKey: publicPem }, signatures: [signed] });
  writeFileSync(file('pol.pem'), publicPem);
  writeFileSync(file('pcr7.policy'), Buffer.from(signed.policy, 'hex'));
  writeFileSync(file('pcr7.sig'), derSignature(Buffer.from(signed.signature, 'base64url')));
  tpm2('loadexternal -C o -G ecc -u @pol.pem -c @pol.ctx -n @pol.name');
  tpm2('verifysignature -c @pol.ctx -g sha256 -m @pcr7.policy -s @pcr7.sig -f ecdsa -t @pol.ticket');
  tpm2('load -r @key.pem -c @k.ctx');
  tpm2('startauthsession --policy-session -S @x.ctx');
  tpm2('policypcr -S @x.ctx -l sha256:7');
  tpm2('policyauthorize -S @x.ctx -i @pcr7.policy -n @pol.name -t @pol.ticket');
  same('our slot under a signed policy', tpm2(`unseal -c @k.ctx -p session:${file('x.ctx')}`), fleet.key);
  tpm2('flushcontext @x.ctx');

  const guarded = await ourSlot({ pin: async () => 'correct horse' });
  const [{ authValue }] = JSON.parse(guarded.params.policy);
  const cost = { N: 2 ** authValue.logN, r: 8, p: 1, maxmem: 2 ** (authValue.logN + 11) };
  const auth = scryptSync('correct horse', Buffer.from(authValue.salt, 'base64url'), 32, cost);
  tpm2('load -r @key.pem -c @k.ctx');
  tpm2('startauthsession --policy-session -S @x.ctx');
  tpm2('policyauthvalue -S @x.ctx');
  same('our slot with a PIN', tpm2(`unseal -c @k.ctx -p session:${file('x.ctx')}+hex:${hex(auth)}`), guarded.key);
  tpm2('flushcontext @x.ctx');

  // Theirs, opened by us.
  const secret = randomBytes(32);
  writeFileSync(file('secret.bin'), secret);
  tpm2(`create -C ${SRK} -i @secret.bin -a fixedtpm|fixedparent|noda|userwithauth -u @tool.pub -r @tool.priv`);
  same('a sealed object of tpm2_create', await openOurs(fromTools()), secret);
  tpm2('encodeobject -C 0x81000001 -u @tool.pub -r @tool.priv -o @tool.pem');
  same(
    'the same by tpm2_encodeobject',
    await openOurs(client.decodeKeyFile(readFileSync(file('tool.pem'), 'utf8'))),
    secret,
  );
  tpm2(`create -C ${SRK} -i @secret.bin -L @pcr.policy -a fixedtpm|fixedparent|noda -u @tool.pub -r @tool.priv`);
  same(
    'one bound to PCRs 7 and 16',
    await openOurs(fromTools(), (tpm, session) => client.policyPcr(tpm, session, [7, 16])),
    secret,
  );
  console.log(`all of it on ${address}, storage root key ${hex(readFileSync(file('srk.name')).subarray(0, 8))}…`);
} finally {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** r and s as OpenSSL writes them, which the tools read. */
function derSignature(raw) {
  const integer = (bytes) => {
    let digits = bytes;
    while (digits.length > 1 && digits[0] === 0) digits = digits.subarray(1);
    const positive = digits[0] & 0x80 ? Buffer.concat([Buffer.alloc(1), digits]) : digits;
    return Buffer.concat([Buffer.from([2, positive.length]), positive]);
  };
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}
