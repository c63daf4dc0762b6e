/**
 * How long it takes to open a TPM slot, against the same by tpm2-tools, on swtpm in one run: connect, unseal, close.
 *
 *     npm run build && node packages/tpm-sealer/bench/unseal.mjs
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSwtpm } from '@fieldseal/testkit';
import { tpmSlot } from '@fieldseal/tpm';
import { pcrExtend, TpmDevice } from '@fieldseal/tpm/client';
import { must } from '../../../scripts/debian-packages.mjs';
import { findTools } from '../../../scripts/tpm2-tools.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const RUNS = 200;
const TOOL_RUNS = 20;

const tools = findTools(ROOT);
const service = await startSwtpm({ server: 'unix' });
const folder = mkdtempSync(join(tmpdir(), 'fieldseal-bench-'));
const address = `swtpm:path=${service.path}`;
const env = { ...process.env, ...tools.env, TPM2TOOLS_TCTI: address };
const tpm2 = (line) =>
  must(spawnSync('tpm2', line.replaceAll('@', `${folder}/`).split(' '), { env, encoding: 'buffer' }), line);

/** The shortest safe sequence: a salted session with encryption, as our client always does it. */
const ENCRYPTED = [
  'load -C 0x81000001 -u @pub -r @priv -c @k.ctx',
  'flushcontext -t',
  'startauthsession --policy-session -c 0x81000001 -S @x.ctx',
  'sessionconfig @x.ctx --enable-encrypt',
  'policypcr -S @x.ctx -l sha256:7',
  'unseal -c @k.ctx -p session:@x.ctx',
  'flushcontext @x.ctx',
  'flushcontext -t',
];
/** The secret crosses the bus in clear. */
const CLEAR = [
  'load -C 0x81000001 -u @pub -r @priv -c @k.ctx',
  'flushcontext -t',
  'unseal -c @k.ctx -p pcr:sha256:7',
  'flushcontext -t',
];

async function measure(name, runs, work) {
  const times = [];
  for (let run = 0; run < runs + 5; run++) {
    const start = performance.now();
    await work();
    if (run >= 5) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(share * times.length)];
  console.log(`${name.padEnd(58)} p50 ${at(0.5).toFixed(1)} ms  p95 ${at(0.95).toFixed(1)} ms`);
  return at(0.5);
}

try {
  const device = new TpmDevice(address);
  await device.operation((tpm) => pcrExtend(tpm, 7, Buffer.alloc(32, 7)));
  const slot = tpmSlot({ device: address, pcrs: [7] });
  const params = await slot.create();
  const plain = await tpmSlot({ device: address }).create();
  const open = (which) => async () => (await slot.slotKey(which)).wipe();
  const standard = await measure('Fieldseal, PCR 7, storage key made each time', RUNS, open(params));
  await measure('Fieldseal, no policy, storage key made each time', RUNS, open(plain));
  const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt|noda';
  tpm2(`createprimary -C o -G ecc256:aes128cfb -g sha256 -a ${attributes} -c @srk.ctx`);
  tpm2('flushcontext -t');
  tpm2('evictcontrol -C o -c @srk.ctx 0x81000001');
  tpm2('flushcontext -t');
  const persistent = await measure('Fieldseal, PCR 7, persistent storage key', RUNS, open(params));
  writeFileSync(join(folder, 'secret'), Buffer.alloc(32, 1));
  tpm2('createpolicy --policy-pcr -l sha256:7 -L @policy');
  tpm2('create -C 0x81000001 -i @secret -L @policy -a fixedtpm|fixedparent|noda -u @pub -r @priv');
  tpm2('flushcontext -t');
  const clear = await measure('tpm2-tools, PCR 7, secret in clear, 4 programs', TOOL_RUNS, () => CLEAR.map(tpm2));
  const encrypted = await measure('tpm2-tools, PCR 7, encrypted, 8 programs', TOOL_RUNS, () => ENCRYPTED.map(tpm2));
  console.log(
    `against the encrypted sequence: ${(encrypted / persistent).toFixed(0)}× (storage key made each time: ${(encrypted / standard).toFixed(0)}×)`,
  );
  console.log(`against the one in clear: ${(clear / persistent).toFixed(0)}×`);
} finally {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}
