import type { Keyring } from '@fieldseal/core';
import { Heartbeat } from '@fieldseal/core/jobs';
import { adapterDatabase } from '@fieldseal/prisma/jobs';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
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

const json = async (...argv: string[]) => {
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

test.each([
  [['fleet', 'promote'], 2],
  [['fleet', 'promote', 'ab', '--wait', 'long'], 2],
])('refuses %j', async (argv, code) => {
  expect((await fieldseal(argv, project.env)).code).toBe(code);
});
