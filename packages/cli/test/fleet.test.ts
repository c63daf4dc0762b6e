import type { Keyring } from '@fieldseal/core';
import { Heartbeat } from '@fieldseal/core/jobs';
import { adapterDatabase } from '@fieldseal/prisma/jobs';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { Project, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { fieldseal, parsed } from './harness.ts';

let project: Project;
let target: Target;
let keyring: Keyring;
let instance: Heartbeat;
let close: () => Promise<void>;

beforeAll(async () => {
  project = new Project();
  const url = `file:${project.folder}/test.db`;
  project.env['DATABASE_URL'] = url;
  keyring = await project.keyring();
  target = await openTarget('sqlite', project);
  project.schema(schemaOf('sqlite'));
  await target.reset();
  const adapter = await new PrismaLibSql({ url }).connect();
  instance = new Heartbeat({ database: adapterDatabase(adapter, 'sqlite'), keyring });
  close = () => adapter.dispose();
});
beforeEach(() => instance.start());
afterAll(async () => {
  await instance.stop();
  await close();
  await target.close();
  project.remove();
});

const json = async (...argv: string[]): Promise<{ code: number } & Record<string, unknown>> => {
  const outcome = await fieldseal([...argv, '--json'], project.env);
  return { code: outcome.code, ...(parsed(outcome) as Record<string, unknown>) };
};

test('a key is promoted when the instance has it', async () => {
  const keyId = await keyring.addKey();
  await target.run(`UPDATE fieldseal_instance SET generation = 1`);
  expect(await json('fleet')).toMatchObject({ code: 0, instances: [{ id: instance.id, generation: 1, live: true }] });
  expect((await fieldseal(['fleet'], project.env)).stdout).toMatch(new RegExp(`${instance.id} +live +1 +behind`));
  expect(await json('fleet', 'promote', keyId)).toMatchObject({ code: 1, error: { code: 'ERR_FLEET_BEHIND' } });
  await instance.beat();
  project.env['FIELDSEAL_REQUIRE_BACKUP'] = 'backups';
  project.env['FIELDSEAL_BACKUP_KEY'] = '77'.repeat(32);
  expect(await json('fleet', 'promote', keyId)).toMatchObject({ code: 12, error: { code: 'ERR_BACKUP_GATE' } });
  delete project.env['FIELDSEAL_REQUIRE_BACKUP'];
  expect(await json('fleet', 'promote', keyId, '--wait', '10s')).toMatchObject({ code: 0, promoted: keyId });
});

test('a key is not destroyed while cells are under it, nor before its time', async () => {
  const ours = await sealed(keyring);
  await target.run(
    `INSERT INTO "patients" ("patient_id", "email", "email_index") VALUES ('a', '${ours.text('ada@x')}', 'a')`,
  );
  const old = (await keyring.resolve('')).primary.keyId;
  await keyring.rotate();
  await keyring.disable(old);
  await keyring.scheduleDestroy(old);
  await instance.beat();
  expect(await json('fleet', 'destroy', old)).toMatchObject({ code: 0, done: false, models: 1 });
  expect(await json('fleet', 'destroy', old, '--yes')).toMatchObject({ code: 1, error: { code: 'ERR_KEY_STATUS' } });
  await target.run('DELETE FROM "patients"');
  const early = await fieldseal(['fleet', 'destroy', old, '--yes'], project.env);
  expect(early.code).toBe(1);
  expect(early.stderr).not.toContain('values are under');
  await instance.stop();
  expect(await json('fleet', 'destroy', old, '--yes')).toMatchObject({ code: 1, error: { code: 'ERR_FLEET_BEHIND' } });
  expect(await json('fleet')).toMatchObject({ instances: [] });
  expect((await fieldseal(['fleet'], project.env)).stdout).toContain('no instance');
});

test('rotate start --new-key waits for the live instances, and leaves the key added for those that are behind', async () => {
  const before = (await keyring.resolve('')).primary.keyId;
  await target.run(`UPDATE fieldseal_instance SET generation = 1`);
  expect(await json('rotate', 'start', '--new-key', '--wait', '1ms')).toMatchObject({
    code: 1,
    error: { code: 'ERR_FLEET_BEHIND' },
  });
  await keyring.describe([]);
  const view = await keyring.resolve('');
  expect([view.primary.keyId, (await json('rotate', 'status'))['jobs']]).toEqual([before, []]);
  const known = (await keyring.describe()).keysets[0]?.data.versions.map(({ keyId }) => keyId) ?? [];
  const rotating = json('rotate', 'start', '--new-key', '--wait', '20s');
  const added = async (): Promise<string[]> => {
    const now = (await keyring.describe()).keysets[0]?.data.versions.map(({ keyId }) => keyId) ?? [];
    return now.filter((keyId) => !known.includes(keyId));
  };
  while ((await added()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await instance.beat();
  expect(await rotating).toMatchObject({ code: 0, jobs: [{ plan: { target: (await added())[0] } }] });
  expect(await json('rotate', 'cancel')).toMatchObject({ code: 0 });
});

test('a key that nobody uses is destroyed when its time has come', async () => {
  const old = (await keyring.describe()).keysets[0]?.data.primary as string;
  await keyring.rotate();
  await keyring.disable(old);
  await keyring.scheduleDestroy(old);
  await instance.beat();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 8 * 24 * 60 * 60 * 1000 });
  try {
    expect(await json('fleet', 'destroy', old, '--yes')).toMatchObject({ code: 0, done: true, keyId: old });
  } finally {
    vi.useRealTimers();
  }
  const [keyset] = (await keyring.describe()).keysets;
  expect(keyset?.data.versions.find(({ keyId }) => keyId === old)).toMatchObject({
    status: 'destroyed',
    wrapped: null,
  });
});

test.each([
  [['fleet', 'promote'], 2],
  [['fleet', 'promote', 'ab', '--wait', 'long'], 2],
])('refuses %j', async (argv, code) => {
  expect((await fieldseal(argv, project.env)).code).toBe(code);
});
