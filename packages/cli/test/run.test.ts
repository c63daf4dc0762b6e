import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES } from '@fieldseal/core';
import { expect, test } from 'vitest';
import { EXIT_CODES, exitCodeOf } from '../src/exit-codes.ts';
import { nearest } from '../src/nearest.ts';
import { showError } from '../src/output.ts';
import { fieldseal, parsed } from './harness.ts';

test('--help shows every command and exit code', async () => {
  const { code, stdout } = await fieldseal(['--help']);
  expect(code).toBe(0);
  for (const text of ['init', 'keyring show', 'inspect', 'FIELDSEAL_KEY', ...Object.values(EXIT_CODES)])
    expect(stdout).toContain(text);
  expect((await fieldseal(['-h'])).stdout).toBe(stdout);
});

test.each([['init'], ['keyring show'], ['inspect']])('fieldseal %s --help', async (name) => {
  for (const flag of ['--help', '-h']) {
    const { code, stdout } = await fieldseal([...name.split(' '), flag]);
    expect(code).toBe(0);
    expect(stdout.startsWith(`usage: fieldseal ${name}`)).toBe(true);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThan(142);
  }
});

test('--version', async () => {
  expect(parsed(await fieldseal(['--version', '--json']))).toEqual({ version: expect.any(String) });
  expect((await fieldseal(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
});

test.each([['keys', '--help'], ['help']])('%s lists commands', async (...argv) => {
  const { code, stdout } = await fieldseal(argv);
  expect(code).toBe(0);
  expect(stdout).toContain('keys shred');
  expect(stdout.includes('backup create')).toBe(argv[0] === 'help');
});

test('without a command the help goes to stderr', async () => {
  const { code, stdout, stderr } = await fieldseal([]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('usage: fieldseal');
});

test.each([
  [['inti'], 'Did you mean `fieldseal init`?'],
  [['keyring'], 'keyring add-key'],
  [['keyring', 'shwo'], 'Did you mean `fieldseal keyring show`?'],
  [['zzzzzz'], 'See `fieldseal --help`.'],
  [['--json', 'init'], 'the command comes first'],
  [['init', '--keyrnig', 'x'], 'Did you mean --keyring?'],
  [['init', '--qqqqqqq'], 'See `fieldseal init --help`.'],
  [['init', '--suite', 'xaes-256'], 'Did you mean xaes-256-gcm?'],
  [['init', '--keyring'], '--keyring needs a value'],
  [['init', '--json=yes'], '--json takes no value'],
  [['init', 'extra'], 'there are too many arguments'],
  [['inspect'], '<cell> is missing'],
])('%j is wrong usage', async (argv, expected) => {
  const outcome = await fieldseal(argv);
  expect(outcome.code).toBe(2);
  if (argv.includes('--json')) expect(JSON.stringify(parsed(outcome))).toContain(expected);
  else expect(outcome.stderr).toContain(expected);
});

test('no argument is ever repeated: it could be a key', async () => {
  const secret = 'fsk1_secret';
  for (const argv of [
    [secret],
    ['init', secret],
    ['init', `--key=${secret}`],
    ['init', '--suite', secret],
    ['inspect', secret],
  ]) {
    const { code, stdout, stderr } = await fieldseal(argv);
    expect(code).not.toBe(0);
    expect(stdout + stderr).not.toContain(secret);
  }
});

test('every error code has an exit code', () => {
  for (const code of ERROR_CODES) expect(Object.keys(EXIT_CODES)).toContain(String(exitCodeOf(code)));
  expect(exitCodeOf('ERR_DECRYPT')).toBe(1);
});

test('an unforeseen error shows its kind only', () => {
  let stderr = '';
  const io = {
    stdout: () => {},
    stderr: (text: string) => {
      stderr += text;
    },
    stdin: async () => '',
  };
  expect(showError(io, new TypeError('holds a secret'), false)).toBe(1);
  expect(stderr).toContain('TypeError');
  expect(stderr).not.toContain('secret');
  expect(showError(io, 'a string', false)).toBe(1);
});

test('nearest finds what was meant and nothing else', () => {
  expect(nearest('init', ['init', 'inspect'])).toBe('init');
  expect(nearest('insp', ['init', 'inspect'])).toBe('inspect');
  expect(nearest('x', ['init', 'inspect'])).toBeUndefined();
});

test('the built program runs, with its exit code and a closed pipe', () => {
  const main = fileURLToPath(new URL('../bin/fieldseal.js', import.meta.url));
  // Built here, so that no old build is tested.
  execFileSync(process.execPath, [
    fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url)),
    '-b',
    fileURLToPath(new URL('..', import.meta.url)),
  ]);
  const options = { encoding: 'utf8', input: 'hello', env: { PATH: process.env['PATH'] } } as const;
  expect(spawnSync(process.execPath, [main, '--version'], options).stdout).toMatch(/^\d+\.\d+\.\d+/);
  const failed = spawnSync(process.execPath, [main, 'inspect', '-'], options);
  expect([failed.status, failed.stdout]).toEqual([1, '']);
  expect(failed.stderr).toContain('[ERR_CELL_FORMAT]');
});
