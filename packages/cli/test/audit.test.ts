import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseRawKey } from '@fieldseal/core';
import { fileAuditSink, fileWitness, openAuditLog, parseNoteSigner } from '@fieldseal/monitor/audit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Command, CommandAudit, Io } from '../src/command.ts';
import { COMMANDS } from '../src/run.ts';
import { fieldseal, parsed, scratch } from './harness.ts';

const { path, remove } = scratch();
afterAll(remove);
const [LOG, WITNESS] = [path('audit.jsonl'), path('witness.jsonl')];
const env: Record<string, string> = { FIELDSEAL_AUDIT_LOG: LOG, FIELDSEAL_AUDIT_WITNESS: WITNESS };
let text = '';

beforeAll(async () => {
  const made = parsed(await fieldseal(['audit', 'key', 'audit.example/clinic', '--json'])) as Record<string, string>;
  Object.assign(env, made);
  const log = await openAuditLog({
    signer: parseNoteSigner(made['FIELDSEAL_AUDIT_SIGNER'] as string),
    identifierKey: parseRawKey(made['FIELDSEAL_AUDIT_IDENTIFIER_KEY'] as string),
    sinks: [fileAuditSink(LOG)],
    witnesses: [fileWitness(WITNESS)],
    timeoutMs: 20_000,
  });
  for (let at = 0; at < 30; at++)
    await log.append({
      actor: `user ${at % 3}`,
      action: 'patient.export',
      object: 'Patient',
      id: `${at}`,
      outcome: 'done',
    });
  await log.close();
  text = readFileSync(LOG, 'utf8');
});

test('tail shows the last entries, with actors and rows as hashes', async () => {
  const { code, stdout, stderr } = await fieldseal(['audit', 'tail', '--lines', '3'], env);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.trimEnd().split('\n')).toHaveLength(4);
  expect(stdout).toMatch(/^no\.\s+time\s+actor/);
  expect(stdout).toMatch(
    /29 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +[0-9a-f]{8} +patient\.export +Patient#[0-9a-f]{8} +- +done +1/,
  );
  const { entries } = parsed(await fieldseal(['audit', 'tail', '--json'], env)) as { entries: object[] };
  expect(entries).toHaveLength(20);
});

test('verify says that a log is whole, and what it is compared with', async () => {
  const { code, stdout } = await fieldseal(['audit', 'verify'], env);
  expect([code, stdout]).toEqual([0, `${LOG} is whole: 30 entries\nA checkpoint covers all of them.\n`]);
});

const tampered: Record<string, [string, (lines: string[]) => string[]]> = {
  'an edit': ['edited', (lines) => lines.with(4, (lines[4] as string).replace('"done"', '"failed"'))],
  'a cut': ['truncated', (lines) => lines.slice(0, 20)],
  'an exchange': ['reordered', (lines) => lines.with(3, lines[9] as string).with(9, lines[3] as string)],
  'a gap': ['removed', (lines) => lines.toSpliced(7, 1)],
};
test.each(Object.entries(tampered))('verify tells %s, and checkpoint does not sign it', async (_, [kind, tamper]) => {
  const other = path('other.jsonl');
  writeFileSync(other, `${tamper(text.trimEnd().split('\n')).join('\n')}\n`);
  const { code, stdout } = await fieldseal(['audit', 'verify', '--log', other], env);
  expect([code, stdout]).toEqual([13, expect.stringContaining(kind)]);
  const before = readFileSync(WITNESS, 'utf8');
  const signing = await fieldseal(['audit', 'checkpoint', '--log', other], env);
  expect([signing.code, signing.stderr]).toEqual([13, expect.stringContaining('ERR_AUDIT_DAMAGED')]);
  expect(readFileSync(WITNESS, 'utf8')).toBe(before);
});

test('a torn tail is told apart, and a log without a checkpoint does not verify', async () => {
  const torn = path('torn.jsonl');
  writeFileSync(torn, `${text}{"seq":30,`);
  expect((await fieldseal(['audit', 'verify', '--log', torn, '--json'], env)).stdout).toContain('"torn"');
  const none = await fieldseal(['audit', 'verify', '--json'], { ...env, FIELDSEAL_AUDIT_WITNESS: '' });
  expect([none.code, parsed(none)]).toEqual([13, expect.objectContaining({ ok: false, witnessed: 0 })]);
});

test('checkpoint prints a note that verify takes', async () => {
  const note = path('note.txt');
  const made = await fieldseal(['audit', 'checkpoint'], { ...env, FIELDSEAL_AUDIT_WITNESS: '' });
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^audit\.example\/clinic\n30\n[\w+/]{43}=\n\n— audit\.example\/clinic /);
  writeFileSync(note, made.stdout);
  expect((await fieldseal(['audit', 'verify', '--witness', note], env)).code).toBe(0);
  const fresh = path('fresh-witness.jsonl');
  await fieldseal(['audit', 'checkpoint', '--witness', fresh], env);
  expect((await fieldseal(['audit', 'verify', '--witness', fresh], env)).code).toBe(0);
});

test('another key does not verify it', async () => {
  const other = parsed(await fieldseal(['audit', 'key', 'audit.example/clinic', '--json'])) as Record<string, string>;
  const { code, stdout } = await fieldseal(['audit', 'verify'], {
    ...env,
    FIELDSEAL_AUDIT_VERIFIER: other['FIELDSEAL_AUDIT_VERIFIER'] as string,
  });
  expect([code, stdout]).toEqual([13, expect.stringContaining('re-signed')]);
});

test.each<[readonly string[], Record<string, string>, number]>([
  [['audit', 'tail', '--lines', '0'], {}, 2],
  [['audit', 'tail', '--lines', 'x'], {}, 2],
  [['audit', 'tail', '--log', '/nowhere/audit.jsonl'], {}, 6],
  [['audit', 'verify', '--log', '/nowhere/audit.jsonl'], {}, 6],
  [['audit', 'verify'], { FIELDSEAL_AUDIT_VERIFIER: '' }, 3],
  [['audit', 'verify'], { FIELDSEAL_AUDIT_VERIFIER: 'x' }, 3],
  [['audit', 'checkpoint'], { FIELDSEAL_AUDIT_SIGNER: '' }, 3],
  [['audit', 'checkpoint'], { FIELDSEAL_AUDIT_SIGNER: 'PRIVATE+KEY+x' }, 3],
  [['audit', 'key'], {}, 2],
  [['audit', 'key', 'two words'], {}, 2],
  [['audit'], {}, 2],
])('%j with %j ends with its code, and shows no key', async (argv, more, expected) => {
  const { code, stdout, stderr } = await fieldseal(argv, { ...env, ...more });
  expect(code).toBe(expected);
  for (const name of ['FIELDSEAL_AUDIT_SIGNER', 'FIELDSEAL_AUDIT_IDENTIFIER_KEY'])
    expect(stdout + stderr).not.toContain(env[name] as string);
  expect(existsSync('/nowhere')).toBe(false);
});

test('keys commands enter what they change, before they change it, and change nothing without the log', async () => {
  const own = {
    ...env,
    FIELDSEAL_KEYRING: path('keys.json'),
    FIELDSEAL_AUDIT_LOG: path('operator.jsonl'),
    FIELDSEAL_AUDIT_WITNESS: path('operator-witness.jsonl'),
  };
  const made = parsed(await fieldseal(['init', '--json'], own)) as { key: { value: string } };
  const opened = { ...own, FIELDSEAL_KEY: made.key.value };
  const first = await fieldseal(['keys', 'add', '--json'], opened);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const added = parsed(first) as Record<string, string>;
  expect(await fieldseal(['keys', 'promote', added['added'] as string], opened)).toMatchObject({ code: 0, stderr: '' });
  expect((await fieldseal(['keys', 'list'], opened)).code).toBe(0);
  const { entries } = parsed(await fieldseal(['audit', 'tail', '--json'], own)) as {
    entries: Record<string, unknown>[];
  };
  expect(entries.map(({ action, key, outcome }) => [action, key, outcome])).toEqual([
    ['command.init', null, 'begun'],
    ['command.init', null, 'done'],
    ['keyring.add', null, 'begun'],
    ['keyring.add', added['added'], 'done'],
    ['keyring.promote', added['added'], 'begun'],
    ['keyring.promote', added['added'], 'done'],
  ]);
  expect((await fieldseal(['audit', 'verify'], own)).code).toBe(0);

  const before = readFileSync(own.FIELDSEAL_KEYRING, 'utf8');
  const unwritable = { ...opened, FIELDSEAL_AUDIT_LOG: '/nowhere/operator.jsonl' };
  const refused = await fieldseal(['keys', 'add'], unwritable);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('ERR_AUDIT_SINK')]);
  const keyless = await fieldseal(['keys', 'add'], { ...opened, FIELDSEAL_AUDIT_IDENTIFIER_KEY: '' });
  expect(keyless.code).toBe(3);
  expect(readFileSync(own.FIELDSEAL_KEYRING, 'utf8')).toBe(before);
  expect((await fieldseal(['keys', 'list'], unwritable)).code).toBe(0);
});

/** Commands that are asked for by their name alone, with an argument for each position. */
const asked = (command: Command): string[] => [...command.name.split(' '), ...command.positionals.map(() => 'start')];
const auditOf = (command: Command): CommandAudit => {
  if (typeof command.audit === 'string') return command.audit;
  return command.audit({ options: {}, positionals: ['start'], env: {}, io: {} as Io });
};

test('every command says who enters it, and those that change keys, rows or backups are entered', () => {
  const reading = COMMANDS.filter((command) => auditOf(command) === 'none').map(({ name }) => name);
  // A command that is not in this list has to be entered. Add one only if it changes nothing but its own output.
  expect(reading.sort()).toEqual([
    'audit checkpoint',
    'audit key',
    'audit tail',
    'audit verify',
    'backup list',
    'backup sheet',
    'backup verify',
    'census',
    'constraints',
    'doctor',
    'fleet',
    'index status',
    'inspect',
    'keyring show',
    'keys census',
    'keys list',
    'keys table',
    'migrate schema',
    'monitor dashboard',
    'monitor rules',
    'monitor serve',
    'shares verify',
    'tpm status',
    'tpm unseal-check',
  ]);
});

test.each(
  COMMANDS.filter((command) => auditOf(command) === 'command').map((command) => [command.name, command] as const),
)('%s does nothing where the log takes no entry', async (_, command) => {
  const { code, stdout, stderr } = await fieldseal(asked(command), {
    ...env,
    FIELDSEAL_AUDIT_LOG: '/nowhere/operator.jsonl',
    FIELDSEAL_AUDIT_WITNESS: '',
  });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('ERR_AUDIT_SINK');
});

test('a command is entered before it begins and when it has ended, as one with the changes of its keyring', async () => {
  const log = path('commands.jsonl');
  const keyring = path('commands.keyring.json');
  const witness = path('commands-witness.jsonl');
  const used = { ...env, FIELDSEAL_AUDIT_LOG: log, FIELDSEAL_AUDIT_WITNESS: witness, FIELDSEAL_KEYRING: keyring };
  const { key } = parsed(await fieldseal(['init', '--json'], used)) as { key: { value: string } };
  const opened = { ...used, FIELDSEAL_KEY: key.value };
  expect((await fieldseal(['rewrap', 'start'], opened)).code).toBe(0);
  expect((await fieldseal(['rewrap', 'work'], opened)).code).toBe(0);
  expect((await fieldseal(['backup', 'create'], opened)).code).not.toBe(0);
  const entries = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { action: string; outcome: string });
  expect(entries.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
    'command.init begun',
    'command.init done',
    'command.rewrap-start begun',
    'command.rewrap-start done',
    'keyring.rewrap begun',
    'keyring.rewrap done',
    'command.backup-create begun',
    'command.backup-create failed',
  ]);
  expect((await fieldseal(['audit', 'verify'], opened)).stdout).toContain('is whole');
});
