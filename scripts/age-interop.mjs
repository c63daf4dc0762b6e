/**
 * Shows that backups of @fieldseal/backup are verified, opened and unpacked by minisign, age and tar alone, and that what those make is read by
 * ours. A job of its own, since it needs programs that the tests do without:
 *
 *     node scripts/age-interop.mjs
 *
 * The packages of the project have to be built. Prints a line per exchange and fails with the first that differs.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianTools, must } from './debian-packages.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const core = await import(`${ROOT}/packages/core/lib/index.js`);
const backup = await import(`${ROOT}/packages/backup/dist/index.js`);
const { openArchive } = await import(`${ROOT}/packages/backup/dist/archive.js`);
const { verifyDigest } = await import(`${ROOT}/packages/backup/dist/minisign.js`);

const tools = debianTools(ROOT, {
  name: 'age',
  packages: ['age', 'minisign', 'libsodium23'],
  probe: ['sh', '-c', 'age --version && minisign -v'],
});
const folder = mkdtempSync(join(tmpdir(), 'fieldseal-interop-'));
const env = { ...process.env, ...tools.env };
const at = (name) => join(folder, name);

function sh(script, input = '') {
  return spawnSync('bash', ['-c', `set -euo pipefail; ${script}`], { cwd: folder, env, input, encoding: 'utf8' });
}

function holds(what, condition) {
  if (!condition) throw new Error(`${what}: it is not so`);
  console.log(`ok  ${what}`);
}

try {
  console.log(
    `age and minisign: ${tools.source}; ${must(sh('age --version; minisign -v'), 'age').trim().replaceAll('\n', ', ')}`,
  );
  for (const name of ['one', 'two']) must(sh(`age-keygen -o ${name}.txt`), 'age-keygen');
  const [one, two] = ['one', 'two'].map((name) => must(sh(`age-keygen -y ${name}.txt`), 'age-keygen').trim());
  const identityOf = (name) => /AGE-SECRET-KEY-1\S+/.exec(readFileSync(at(name), 'utf8'))[0];

  // Ours, opened by theirs, as docs/backup.md tells an operator to.
  const signer = backup.signingKey(core.generateRawKey());
  writeFileSync(at('fieldseal.pub'), backup.formatVerifyKey(signer.public));
  const storage = core.keyringMemory();
  const { keyring } = await core.createKeyring({ storage, openers: [core.rawKey(core.generateRawKey())] });
  const target = backup.folderTarget(at('backups'));
  const { name } = await backup.createBackup({ target, keyring: storage, recipients: [one, two], signer });
  for (const identity of ['one.txt', 'two.txt']) {
    must(sh(`minisign -Vm backups/${name} -p fieldseal.pub`), 'minisign -V');
    must(sh(`rm -rf out && mkdir out && age -d -i ${identity} backups/${name} | tar -xC out`), 'age -d');
    holds(
      `minisign, age and tar open our backup with ${identity}`,
      readFileSync(at('out/keyring.json'), 'utf8') === (await storage.read()),
    );
    const { entries } = JSON.parse(readFileSync(at('out/MANIFEST.json'), 'utf8'));
    const digest = createHash('sha256')
      .update(readFileSync(at('out/keyring.json')))
      .digest('hex');
    holds('its manifest has the digest of what came out', entries[0].sha256 === digest);
  }
  const bytes = readFileSync(at(`backups/${name}`));
  bytes[bytes.length - 20] ^= 1;
  writeFileSync(at('changed'), bytes);
  writeFileSync(at('changed.minisig'), readFileSync(at(`backups/${name}.minisig`)));
  holds('minisign refuses a changed backup', sh('minisign -Vm changed -p fieldseal.pub').status !== 0);
  holds('age refuses a changed backup', sh('age -d -i one.txt changed').status !== 0);
  const lied = readFileSync(at(`backups/${name}.minisig`), 'utf8').replace('seq=1', 'seq=2');
  writeFileSync(at(`backups/${name}.minisig`), lied);
  holds('minisign refuses a changed comment', sh(`minisign -Vm backups/${name} -p fieldseal.pub`).status !== 0);

  // Theirs, opened by ours.
  must(sh('minisign -GWf -p theirs.pub -s theirs.key'), 'minisign -G');
  mkdirSync(at('in'));
  writeFileSync(at('in/keyring.json'), await storage.read());
  writeFileSync(at('in/MANIFEST.json'), readFileSync(at('out/MANIFEST.json')));
  must(sh(`tar --format=ustar -cC in keyring.json MANIFEST.json | age -r ${one} -r ${two} > theirs.tar.age`), 'age');
  must(sh("minisign -SHm theirs.tar.age -s theirs.key -t 'a comment of theirs'"), 'minisign -S');
  const digest = createHash('blake2b512')
    .update(readFileSync(at('theirs.tar.age')))
    .digest();
  const verifier = backup.parseVerifyKey(readFileSync(at('theirs.pub'), 'utf8'));
  const { comment } = verifyDigest([verifier], digest, readFileSync(at('theirs.tar.age.minisig'), 'utf8'));
  holds('we verify a signature of minisign', comment === 'a comment of theirs');
  const found = [];
  const manifest = await openArchive(createReadStream(at('theirs.tar.age')), [identityOf('two.txt')], (entry) => {
    found.push(entry.name);
  });
  holds('we open an archive of tar and age', found.join() === 'keyring.json' && manifest.sequence === 1);
  keyring.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
