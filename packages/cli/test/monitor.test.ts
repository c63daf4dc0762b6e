import { expect, test } from 'vitest';
import { fieldseal, parsed } from './harness.ts';

test('monitor rules prints a rule file, with the runbooks where they are served', async () => {
  const { code, stdout, stderr } = await fieldseal(['monitor', 'rules', '--runbooks', 'https://wiki.example/rb/']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^groups:\n {2}- name: fieldseal\n {4}rules:\n {6}- alert: Fieldseal/);
  expect(stdout).toContain('runbook_url: "https://wiki.example/rb/honey-cell-opened.md"\n');
  expect((await fieldseal(['monitor', 'rules'])).stdout).toContain('"docs/runbooks/honey-cell-opened.md"');
  expect(parsed(await fieldseal(['monitor', 'rules', '--json']))).toEqual({
    rules: expect.stringContaining('groups:'),
  });
});

test('monitor dashboard prints the same JSON with and without --json', async () => {
  const plain = await fieldseal(['monitor', 'dashboard']);
  expect(plain.code).toBe(0);
  expect(parsed(plain)).toMatchObject({ title: 'Fieldseal', panels: expect.any(Array) });
  expect((await fieldseal(['monitor', 'dashboard', '--json'])).stdout).toBe(plain.stdout);
});

test.each([[['monitor']], [['monitor', 'rules', 'more']], [['monitor', 'dashboard', '--runbooks', 'x']]])(
  '%j is wrong usage',
  async (argv) => {
    expect((await fieldseal(argv)).code).toBe(2);
  },
);
