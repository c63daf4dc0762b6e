import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fieldseal, parsed, scratch } from './harness.ts';

const { path, remove } = scratch();
afterAll(remove);

const env: Record<string, string> = {};
let recipient = '';
let recovery = '';

beforeAll(async () => {
  const key = parsed(await fieldseal(['backup', 'key', '--json']));
  const init = parsed(await fieldseal(['init', '--keyring', path('ring.json'), '--json']));
  recovery = String(init['recoveryKey']);
  Object.assign(env, {
    FIELDSEAL_BACKUP_KEY: String(key['key']),
    FIELDSEAL_BACKUPS: path('backups'),
    FIELDSEAL_KEYRING: path('ring.json'),
    FIELDSEAL_KEY: String((init['key'] as { value: string }).value),
  });
  writeFileSync(path('fieldseal.pub'), String(key['publicKey']));
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  writeFileSync(path('identity.txt'), `# created: now\n${identity}\n`);
});

const run = (...argv: string[]) => fieldseal(argv, env);

it('makes, lists, verifies and drills a backup', async () => {
  const created = await run('backup', 'create', '--recipient', recipient);
  expect(created).toMatchObject({ code: 0, stderr: '' });
  expect((await run('backup', 'list')).stdout).toContain('.tar.age');
  expect((await run('backup', 'verify', 'latest', '--identity', path('identity.txt'))).code).toBe(0);
  const { FIELDSEAL_KEY: _, ...without } = env;
  const drill = await fieldseal(
    ['backup', 'drill', '--identity', path('identity.txt'), '--evidence', path('drill.json')],
    { ...without, FIELDSEAL_RECOVERY_KEY: recovery },
  );
  expect(drill).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(path('drill.json'), 'utf8'))).toMatchObject({ level: 2, faults: [] });
  const again = ['backup', 'drill', '--identity', path('identity.txt'), '--evidence', path('drill.json')];
  expect((await run(...again)).code).toBe(6);
});

it('restores a lost keyring by the recovery key alone, once it is told to', async () => {
  const before = readFileSync(path('ring.json'), 'utf8');
  rmSync(path('ring.json'));
  const { FIELDSEAL_KEY: _, FIELDSEAL_BACKUP_KEY: __, ...lost } = env;
  const argv = [
    'backup',
    'restore',
    'latest',
    '--identity',
    path('identity.txt'),
    '--public-key',
    path('fieldseal.pub'),
  ];
  const withRecovery = { ...lost, FIELDSEAL_RECOVERY_KEY: recovery };
  const plan = await fieldseal(argv, withRecovery);
  expect(plan).toMatchObject({ code: 0, stdout: expect.stringContaining('would be created') });
  expect(readdirSync(path(''))).not.toContain('ring.json');
  expect(await fieldseal([...argv, '--apply'], withRecovery)).toMatchObject({ code: 0 });
  expect(readFileSync(path('ring.json'), 'utf8')).toBe(before);
});

it.each([
  ['no recipient', ['backup', 'create'], 2],
  ['a mistyped recipient', ['backup', 'create', '--recipient', 'age1qqqq'], 12],
  ['no such backup', ['backup', 'verify', '00000009-20260101T000000.000Z.tar.age'], 2],
  ['no identity for a level that needs one', ['backup', 'verify', 'latest', '--level', '2'], 2],
  ['no identity for a drill', ['backup', 'drill'], 2],
  ['no identity', ['backup', 'restore', 'latest'], 12],
  ['a count that is none', ['backup', 'prune', '--last', 'many'], 2],
])('%s', async (_, argv, code) => {
  const outcome = await run(...argv);
  expect(outcome.code).toBe(code);
  expect(outcome.stderr).not.toBe('');
});

it('tells a changed backup, and removes nothing that is young', async () => {
  const [name = ''] = readdirSync(path('backups')).filter((file) => file.endsWith('.age'));
  expect(parsed(await run('backup', 'prune', '--identity', path('identity.txt'), '--apply', '--json'))).toMatchObject({
    removed: [],
  });
  const file = `${path('backups')}/${name}`;
  const bytes = readFileSync(file);
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  writeFileSync(file, bytes);
  const verdict = await run('backup', 'verify', 'latest', '--json', '--identity', path('identity.txt'));
  expect(verdict.code).toBe(12);
  expect(parsed(verdict)).toMatchObject({ faults: [{ level: 0, code: 'ERR_BACKUP_SIGNATURE' }] });
});

it('shows no secret', async () => {
  const outputs = [
    await run('backup', 'key'),
    await run('backup', 'list'),
    await run('backup', 'create', '--recipient', recipient),
  ];
  for (const { stdout, stderr } of outputs)
    for (const secret of [env['FIELDSEAL_BACKUP_KEY'], env['FIELDSEAL_KEY'], recovery])
      expect(stdout + stderr).not.toContain(secret);
});

it('promotes only what the newest backup holds, where that is asked for', async () => {
  const asked = { ...env, FIELDSEAL_REQUIRE_BACKUP: path('gated') };
  const keys = (...argv: string[]) => fieldseal(['keys', ...argv, '--json'], asked);
  const { added } = parsed(await keys('add')) as { added: string };
  const refused = await keys('promote', added);
  expect([refused.code, parsed(refused)]).toMatchObject([12, { error: { code: 'ERR_BACKUP_GATE' } }]);
  expect((await keys('list')).stdout).not.toMatch(new RegExp(`"keyId":"${added}"[^}]*"primary":true`));
  await run('backup', 'create', '--recipient', recipient, '--to', path('gated'));
  expect((await keys('promote', added)).code).toBe(0);
  const { added: second } = parsed(await keys('add')) as { added: string };
  expect((await keys('promote', second, '--identity', path('identity.txt'))).code).toBe(12);
  expect((await keys('promote', second, '--no-backup')).code).toBe(0);
});

it('writes a sheet that holds no secret and loads nothing', async () => {
  expect(await run('backup', 'sheet', '--out', path('sheet.html'))).toMatchObject({ code: 0, stderr: '' });
  const page = readFileSync(path('sheet.html'), 'utf8');
  expect(page).not.toMatch(/src=|href=|<script/);
  const { id } = JSON.parse(readFileSync(path('ring.json'), 'utf8')) as { id: string };
  for (const shown of [id, path('backups'), readFileSync(path('fieldseal.pub'), 'utf8').split('\n')[1], 'minisign -Vm'])
    expect(page).toContain(shown);
  for (const secret of [env['FIELDSEAL_BACKUP_KEY'], env['FIELDSEAL_KEY'], recovery])
    expect(page).not.toContain(secret);
  expect((await fieldseal(['backup', 'sheet', '--keyring', path('none')], env)).code).toBe(4);
});
