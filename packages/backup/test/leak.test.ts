import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { FieldCipher, type FieldSpec, formatRawKey, generateRawKey, openKeyring, rawKey } from '@fieldseal/core';
import { newCanary, scanBytes, scanFiles } from '@fieldseal/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type BackupTarget,
  createBackup,
  drillEvidence,
  restoreBackup,
  rowSource,
  signingKey,
  verifyBackup,
} from '../src/index.ts';
import { memoryRows, rowOf } from './memory-rows.ts';
import { making, opening, openSandbox, type Sandbox } from './sandbox.ts';

const SPEC: FieldSpec = {
  model: 'User',
  field: 'email',
  context: { model: 'User', field: 'email' },
  column: 'String',
  type: 'String',
  pad: null,
};

let sandbox: Sandbox;
let secrets: string[];
const [encrypted, plain, tenant] = [newCanary('encrypted'), newCanary('plain'), newCanary('tenant')];
const said: string[] = [];
const write = { out: process.stdout.write, err: process.stderr.write };
let port: ReturnType<typeof memoryRows>;

beforeAll(async () => {
  sandbox = await openSandbox();
  await sandbox.keyring.addScope(tenant);
  const cipher = new FieldCipher();
  const [cell] = cipher.encrypt(await sandbox.keyring.resolve(tenant), [
    { spec: SPEC, value: encrypted, binding: null },
  ]);
  port = memoryRows({ User: [rowOf('1', cell as string, { scope: tenant, at: plain })] });
  secrets = [encrypted, plain, tenant, sandbox.identity, sandbox.rawKeyText];
  const tell = (chunk: unknown): boolean => said.push(String(chunk)) > 0;
  process.stdout.write = tell as typeof process.stdout.write;
  process.stderr.write = tell as typeof process.stderr.write;
});
afterAll(() => {
  process.stdout.write = write.out;
  process.stderr.write = write.err;
  sandbox.remove();
});

const failuresOf = async (...attempts: readonly (() => Promise<unknown>)[]) => {
  const errors: unknown[] = [];
  for (const attempt of attempts)
    await attempt().then(
      () => expect.unreachable('it should have failed'),
      (error: unknown) => errors.push(error),
    );
  return errors.map((error) => `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`).join('\n');
};

it('a backup shows nothing of what is in it, at any moment', async () => {
  const seen: string[][] = [];
  const target: BackupTarget = {
    ...sandbox.target,
    write: (name, content) =>
      sandbox.target.write(
        name,
        (async function* () {
          for await (const part of content) {
            seen.push(readdirSync(sandbox.folder)); // nothing is staged beside the target
            yield part;
          }
        })(),
      ),
  };
  const { name } = await createBackup({ ...making(sandbox), target, sources: [rowSource(port)] });
  expect(new Set(seen.flat())).toEqual(new Set(['backups']));
  expect(await scanFiles([join(sandbox.folder, 'backups')], secrets)).toEqual([]);
  const verdict = await verifyBackup({ ...opening(sandbox), name, level: 2 });
  writeFileSync(join(sandbox.folder, 'drill.json'), JSON.stringify(drillEvidence(verdict, sandbox.signer)));
  expect(await scanFiles([join(sandbox.folder, 'drill.json')], secrets)).toEqual([]);
  expect(scanBytes(Buffer.from(inspect(verdict, { depth: 9 })), secrets)).toEqual([]);
  expect(scanBytes(Buffer.from(inspect(sandbox.signer, { depth: 9, showHidden: true })), secrets)).toEqual([]);
});

it('nor do errors and what is printed', async () => {
  const { name } = await createBackup({ ...making(sandbox), sources: [rowSource(port)] });
  const restore = (more: object) => restoreBackup({ ...opening(sandbox), name, apply: true, ...more });
  const [conflicting, failing] = [
    memoryRows({ User: [rowOf('1', 'other')] }),
    memoryRows({ User: [] }, () => {
      throw new Error('the connection is gone');
    }),
  ];
  const wrong = formatRawKey(generateRawKey());
  const text = await failuresOf(
    () => restore({ rows: conflicting }),
    () => restore({ rows: failing }),
    () => restore({ rows: memoryRows({}) }),
    () => restore({ openers: [rawKey(wrong)] }),
    () => restore({ identities: [`${sandbox.identity}x`] }),
    () => restore({ identities: [] }),
    () => restore({ keys: [signingKey(generateRawKey()).public] }),
    () => createBackup({ ...making(sandbox), recipients: [sandbox.identity] }),
    () => openKeyring({ storage: sandbox.storage, openers: [rawKey(wrong)] }),
  );
  expect(scanBytes(Buffer.from(text), [...secrets, wrong])).toEqual([]);
  expect(said.join('')).toBe('');
});
