import { newCanary, scanBytes } from '@fieldseal/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Project, type Provider, type Sealed, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, startServer, stopServers, type Target } from './doctor-target.ts';

afterAll(stopServers);

describe.each<Provider>(['sqlite', 'postgresql', 'mysql'])('%s', (provider) => {
  const canary = newCanary('leak');
  let project: Project;
  let target: Target;
  let ours: Sealed;

  beforeAll(async () => {
    await startServer(provider);
    project = new Project();
    project.schema(schemaOf(provider));
    target = await openTarget(provider, project);
    project.env['DATABASE_URL'] = target.url;
    ours = await sealed(await project.keyring());
    await target.reset();
  });
  afterAll(async () => {
    await target?.close();
    project?.remove();
  });

  test('nothing that stands in the database is shown: no plaintext, no cell, no term, no id', async () => {
    const likeCell = Buffer.concat([Buffer.of(0x11), Buffer.from(canary), Buffer.alloc(40)]);
    const cell = ours.text(canary);
    const term = ours.term('email', canary);
    await target.run(
      `INSERT INTO "patients" ("patient_id", "email", "email_index", "phone", "phoneIndex", "note", "photo", "profile") VALUES ` +
        `('${canary}1', '${canary}', '${canary}', 'fs1:${canary}', '9.${canary}', 'fs1:${canary.repeat(4)}', ` +
        `X'${likeCell.toString('hex')}', '{"${canary}": "fs1:${canary}"}'), ` +
        `('${canary}2', '${cell}', '${term}', NULL, '${term}', '${cell}', X'${Buffer.from(canary).toString('hex')}', '"${canary}"')`,
    );
    for (const argv of [[], ['--json'], ['--sample', '1'], ['--strict', '--json']]) {
      const { code, stdout, stderr } = await project.doctor(...argv);
      expect(code).toBe(8);
      expect(stdout).toContain('rows.plaintext');
      // Key ids are shown, and nothing behind them: a cell's header is all that a cell and its key id share.
      const shown = Buffer.from(stdout + stderr);
      expect(scanBytes(shown, [canary, cell.slice(16), term.slice(2)])).toEqual([]);
      // Eight bytes of plaintext would pass for a key id.
      for (let at = 0; at + 4 <= canary.length; at++)
        expect(stdout).not.toContain(Buffer.from(canary.slice(at, at + 4)).toString('hex'));
    }
  });
});
