import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FieldsealError, generateRawKey, memoryKeyStore, rawKey } from '@fieldseal/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sealArchive } from '../src/archive.ts';
import { archiveName, formatClaim } from '../src/catalogue.ts';
import {
  checkEvidence,
  createBackup,
  drillEvidence,
  keyStoreSource,
  listBackups,
  signingKey,
  type VerifyBackupOptions,
  verifyBackup,
} from '../src/index.ts';
import { signDigest } from '../src/minisign.ts';
import { code, making, opening, openSandbox, type Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
let first = '';
let second = '';
beforeEach(async () => {
  sandbox = await openSandbox();
  first = (await createBackup(making(sandbox))).name;
  second = (await createBackup(making(sandbox))).name;
});
afterEach(() => sandbox.remove());

const at = (name: string) => join(sandbox.folder, 'backups', name);
const verify = (more: Partial<VerifyBackupOptions> = {}) =>
  verifyBackup({ ...opening(sandbox), name: second, level: 2, ...more });
const flip = (path: string, place: number) => {
  const bytes = readFileSync(path);
  bytes[(bytes.length + place) % bytes.length] = (bytes.at(place) as number) ^ 1;
  writeFileSync(path, bytes);
};
/** Levels and codes of the faults. */
const faultsOf = async (more: Partial<VerifyBackupOptions> = {}) => {
  const { faults } = await verify(more);
  for (const { next, message } of faults) expect([next, message]).not.toContain('');
  return faults.map(({ level, code }) => `${level} ${code}`);
};

it('finds no fault in a sound backup, at every level, and says what it could not look at', async () => {
  for (const level of [0, 1] as const)
    expect(await verify({ level })).toMatchObject({ faults: [], unchecked: [], level });
  expect(await verify()).toMatchObject({
    faults: [],
    unchecked: [expect.stringContaining('level 2')],
    rowsOpened: null,
  });
  const openSample = async () => ({ opened: 7, failed: 0 });
  let scratched = 0;
  const restoreScratch = async () => void scratched++;
  expect(await verify({ level: 3, openSample, restoreScratch })).toMatchObject({
    faults: [],
    unchecked: [],
    rowsOpened: 7,
    manifest: { sequence: 2 },
    claim: { sequence: 2 },
  });
  expect(scratched).toBe(1);
});

it('tells of a backup without the key store of its keyring at level 2, and no such backup is made', async () => {
  const keyStore = memoryKeyStore();
  const outside = await openSandbox({ keyStore });
  await outside.keyring.addScope('acme');
  const empty = { entries: async function* () {}, keyStore: true };
  for (const sources of [[], [empty]])
    await expect(createBackup({ ...making(outside), sources })).rejects.toEqual(code('ERR_KEY_STORE'));
  expect(await listBackups(outside.target)).toEqual({ backups: [], unfinished: [] });
  const older = await withoutKeyStore(outside);
  expect((await verifyBackup({ ...opening(outside), name: older, level: 2 })).faults).toMatchObject([
    { level: 2, code: 'ERR_KEY_STORE', next: expect.stringContaining('keyStore') },
  ]);
  const { name } = await createBackup({ ...making(outside), sources: [keyStoreSource(keyStore)] });
  expect((await verifyBackup({ ...opening(outside), name, level: 2 })).faults).toEqual([]);
  outside.remove();
});

/** A backup of a keyring alone, as it was made before somebody asked where its keys are. */
async function withoutKeyStore({ target, keyring, storage, recipient, signer }: Sandbox): Promise<string> {
  const created = new Date();
  const { id, generation } = keyring;
  const name = archiveName(1, created);
  const content = Buffer.from((await storage.read()) ?? '');
  const head = {
    ...{ sequence: 1, created: created.toISOString(), previous: null },
    ...{ keyring: { id, generation }, keys: () => ({}), tool: 'test' },
  };
  const parts: Uint8Array[] = [];
  const sealed = await sealArchive(only({ name: 'keyring.json', content, count: 1 }), head, [recipient]);
  for await (const part of sealed as unknown as AsyncIterable<Uint8Array>) parts.push(part);
  const archive = Buffer.concat(parts);
  const digest = (algorithm: string) => createHash(algorithm).update(archive).digest();
  const sha256 = digest('sha256').toString('hex');
  const claim = formatClaim({ ...head, sha256, keyringId: id, generation });
  await target.write(name, only(archive));
  await target.write(`${name}.minisig`, only(Buffer.from(signDigest(signer, digest('blake2b512'), claim))));
  return name;
}

async function* only<T>(one: T): AsyncGenerator<T> {
  yield one;
}

describe('level 0 tells', () => {
  it.each([
    ['a changed archive', () => flip(at(second), -1)],
    ['a changed signature', () => flip(at(`${second}.minisig`), 60)],
    ['an archive that was cut off', () => writeFileSync(at(second), readFileSync(at(second)).subarray(0, -1))],
    ['an older archive under a newer name', () => copyFileSync(at(first), at(second))],
    [
      'an older backup under a newer name',
      () => {
        copyFileSync(at(first), at(second));
        copyFileSync(at(`${first}.minisig`), at(`${second}.minisig`));
      },
    ],
  ])('%s, and opens nothing of it', async (_, change) => {
    change();
    const verdict = await verify();
    expect(verdict.faults).toMatchObject([{ level: 0, code: 'ERR_BACKUP_SIGNATURE' }]);
    expect(verdict).toMatchObject({
      claim: null,
      manifest: null,
      unchecked: [expect.stringContaining('nobody signed')],
    });
  });

  it('another signer', async () => {
    expect(await faultsOf({ keys: [signingKey(generateRawKey()).public] })).toEqual(['0 ERR_BACKUP_SIGNATURE']);
  });

  it('a backup before it that is not the one it was made behind', async () => {
    const other = await openSandbox();
    const forged = (await createBackup({ ...making(other), signer: sandbox.signer })).name;
    for (const ending of ['', '.minisig']) {
      rmSync(at(first + ending));
      renameSync(join(other.folder, 'backups', forged + ending), at(forged + ending));
    }
    other.remove();
    expect(await faultsOf()).toEqual(['0 ERR_BACKUP_ROLLBACK']);
  });

  it('a backup under the time of another', async () => {
    const later = first.replace(/-\d{8}T/, '-20990101T');
    for (const ending of ['', '.minisig']) renameSync(at(first + ending), at(later + ending));
    expect(await faultsOf({ name: later, level: 0 })).toEqual(['0 ERR_BACKUP_SIGNATURE']);
  });

  it('two backups of one number', async () => {
    const twin = first.replace(/-\d{8}T/, '-20200101T');
    for (const ending of ['', '.minisig']) copyFileSync(at(first + ending), at(twin + ending));
    expect(await faultsOf({ name: first, level: 0 })).toEqual(['0 ERR_BACKUP_ROLLBACK']);
  });

  it('no fault in a gap: the one before may have been pruned', async () => {
    for (const ending of ['', '.minisig']) rmSync(at(first + ending));
    expect(await faultsOf()).toEqual([]);
  });
});

describe('level 1 tells', () => {
  it('an identity that does not open it', async () => {
    const stranger = await openSandbox();
    expect(await faultsOf({ identities: [stranger.identity] })).toEqual(['1 ERR_BACKUP_LOCKED']);
    stranger.remove();
  });

  it('an archive that was replaced between the two readings', async () => {
    let reads = 0;
    const target: Sandbox['target'] = {
      ...sandbox.target,
      read: (name) => sandbox.target.read(name === second && ++reads > 1 ? first : name),
    };
    expect(await faultsOf({ target })).toEqual(['1 ERR_BACKUP_SIGNATURE']);
  });
});

describe('level 2 tells', () => {
  it('a key that does not open the keyring', async () => {
    expect(await faultsOf({ openers: [rawKey(generateRawKey())] })).toEqual(['2 ERR_KEYRING_LOCKED']);
  });

  it('rows that do not open', async () => {
    expect(await faultsOf({ openSample: async () => ({ opened: 3, failed: 1 }) })).toEqual(['2 ERR_DECRYPT']);
  });
});

describe('level 3', () => {
  const missing = async () => {
    throw new FieldsealError('ERR_BACKUP_DAMAGED', 'a row is missing in the scratch place');
  };
  it('tells a restore that lacks something', async () => {
    expect(await faultsOf({ level: 3, restoreScratch: missing })).toEqual(['3 ERR_BACKUP_DAMAGED']);
  });

  it('is not tried when something was found before', async () => {
    const verdict = await verify({ level: 3, restoreScratch: missing, openers: [rawKey(generateRawKey())] });
    expect(verdict.faults).toHaveLength(1);
    expect(verdict.unchecked.at(-1)).toContain('level 3');
  });
});

it.each([
  ['level 1 without an identity', { level: 1, identities: [] }, 'ERR_OPTIONS'],
  ['level 2 without a key', { level: 2, openers: [] }, 'ERR_OPTIONS'],
  ['level 3 without a place', { level: 3 }, 'ERR_OPTIONS'],
  ['a backup that is not there', { name: '00000009-20260101T000000.000Z.tar.age' }, 'ERR_BACKUP_TARGET'],
] as const)('cannot look: %s', async (_, more, wanted) => {
  await expect(verify(more)).rejects.toEqual(code(wanted));
});

it('a defect of the sample or of the scratch place is thrown, not listed as a fault of the backup', async () => {
  const broken = async () => {
    throw new TypeError('a defect');
  };
  await expect(verify({ openSample: broken })).rejects.toThrow(TypeError);
  await expect(verify({ level: 3, restoreScratch: broken })).rejects.toThrow(TypeError);
});

it('evidence of a drill is signed, and every change of it is told', async () => {
  const evidence = drillEvidence(await verify(), sandbox.signer, new Date(Date.now() + 60_000));
  expect(evidence.recoveryPointSeconds).toBeGreaterThanOrEqual(59);
  checkEvidence(evidence, [sandbox.signer.public]);
  checkEvidence(JSON.parse(JSON.stringify(evidence)), [sandbox.signer.public]);
  for (const change of [
    { faults: [{ level: 1, code: 'X' }] },
    { level: 3 },
    { backup: first },
    { at: '' },
    { generation: 0 },
  ])
    expect(() => checkEvidence({ ...evidence, ...change }, [sandbox.signer.public])).toThrow(
      expect.objectContaining({ code: 'ERR_BACKUP_SIGNATURE' }),
    );
  expect(() => checkEvidence(evidence, [signingKey(generateRawKey()).public])).toThrow();
  expect(readdirSync(join(sandbox.folder, 'backups'))).toHaveLength(4);
});
