import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runVectorFolder } from '../src/vectors/vector-folder.ts';

const SPEC = fileURLToPath(new URL('../../../spec/vectors', import.meta.url));
const FILES = {
  'blind-index-kinds.json': 37,
  'blind-index.json': 18,
  'cells-invalid.json': 236,
  'cells.json': 36,
  'wrapped-dek.json': 18,
};

type Case = Record<string, unknown>;

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-vectors-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function casesOf(file: string): Promise<Case[]> {
  const json = JSON.parse(await readFile(join(SPEC, file), 'utf8')) as { cases: Case[] };
  return json.cases;
}

async function writeCases(cases: unknown, name = 'altered.json'): Promise<void> {
  await writeFile(join(folder, name), JSON.stringify({ description: 'altered', cases }));
}

/** Another digit in place of the last one. */
function otherDigit(text: string): string {
  return text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');
}

describe('the vectors of the specification', () => {
  it('all come out as given, with every engine', async () => {
    const results = await runVectorFolder(SPEC);
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    expect(Object.fromEntries(results.map(({ file, passed }) => [file, passed]))).toEqual(FILES);
    for (const { passed, total } of results) expect(passed).toBe(total);
  });

  it('hold more texts to refuse than cells to open', async () => {
    expect((await casesOf('cells-invalid.json')).length).toBeGreaterThan((await casesOf('cells.json')).length);
  });

  it('are told by their members, not by the name of their file', async () => {
    for (const [at, file] of Object.keys(FILES).entries()) await cp(join(SPEC, file), join(folder, `${at}.json`));
    const results = await runVectorFolder(folder);
    expect(results.map(({ kind }) => kind)).toEqual([
      'index terms of all kinds',
      'blind index terms',
      'invalid cells',
      'cells',
      'wrapped DEKs',
    ]);
  });
});

describe('the runner reports', () => {
  const alterations: readonly (readonly [file: string, member: string, alter: (text: string) => unknown])[] = [
    ['cells.json', 'cell', otherDigit],
    ['cells.json', 'text', (text) => `${text.slice(0, 20)}${text[20] === 'A' ? 'B' : 'A'}${text.slice(21)}`],
    ['cells.json', 'nonce', otherDigit],
    ['cells.json', 'keyId', otherDigit],
    ['cells.json', 'dek', otherDigit],
    ['cells.json', 'payload', (text) => `${text}00`],
    ['cells.json', 'model', (text) => `${text}2`],
    ['cells.json', 'field', (text) => `${text}2`],
    ['cells.json', 'binding', (binding) => (binding === null ? [['id', '1']] : null)],
    ['cells.json', 'pad', (pad) => (pad === null ? 8 : null)],
    ['cells.json', 'suite', (suite) => (Number(suite) === 0x11 ? 0x12 : 0x11)],
    ['cells.json', 'type', (type) => (type === 'String' ? 'Json' : 'String')],
    ['wrapped-dek.json', 'wrapped', otherDigit],
    ['wrapped-dek.json', 'kek', otherDigit],
    ['wrapped-dek.json', 'kekId', (text) => `${text}0`],
    ['wrapped-dek.json', 'dek', otherDigit],
    ['wrapped-dek.json', 'keyId', otherDigit],
    ['wrapped-dek.json', 'scope', (text) => `${text}x`],
    ['wrapped-dek.json', 'purpose', (text) => (text === 'data' ? 'index' : 'data')],
    ['wrapped-dek.json', 'purpose', () => 'other'],
    ['wrapped-dek.json', 'suite', (suite) => (Number(suite) === 0x11 ? 0x12 : 0x11)],
    ['blind-index.json', 'root', otherDigit],
    ['blind-index.json', 'indexKey', otherDigit],
    ['blind-index.json', 'term', otherDigit],
    ['blind-index.json', 'version', (version) => Number(version) + 1],
    ['blind-index.json', 'name', (text) => `${text}x`],
    ['blind-index.json', 'bits', (bits) => (Number(bits) > 8 ? Number(bits) - 8 : Number(bits) + 8)],
    ['blind-index.json', 'values', () => 'no list'],
    ['blind-index-kinds.json', 'root', otherDigit],
    ['blind-index-kinds.json', 'kindKey', otherDigit],
    ['blind-index-kinds.json', 'name', (text) => `${text}x`],
    ['blind-index-kinds.json', 'kind', () => 'other'],
    ['blind-index-kinds.json', 'sources', () => [['Other', 'field']]],
    ['blind-index-kinds.json', 'sources', () => []],
    ['blind-index-kinds.json', 'sources', () => 'Patient.name'],
    ['blind-index-kinds.json', 'sources', () => [['Patient']]],
    ['blind-index-kinds.json', 'types', () => ['Text']],
    ['blind-index-kinds.json', 'parameters', () => 3],
    ['blind-index-kinds.json', 'terms', () => ['1.00']],
    ['blind-index-kinds.json', 'terms', () => null],
    ['cells.json', 'dek', () => 'ABCD'],
    ['cells.json', 'suite', () => 0x13],
    ['cells.json', 'type', () => 'Text'],
    ['cells.json', 'pad', () => -1],
    ['cells.json', 'model', () => 7],
    ['cells.json', 'binding', () => 'id'],
    ['cells.json', 'binding', () => [['id']]],
    ['cells.json', 'binding', () => [['id', 1]]],
  ];

  it.each(alterations)('%s whose member %s was altered: each case, with every engine', async (file, member, alter) => {
    const cases = await casesOf(file);
    await writeCases(cases.map((one) => ({ ...one, [member]: alter(one[member] as string) })));
    const [result] = await runVectorFolder(folder);
    expect(result?.passed).toBe(0);
    expect(result?.failures).toHaveLength(3 * cases.length);
  });

  it('a blind index term of other values', async () => {
    const cases = (await casesOf('blind-index.json')).filter(({ bits }) => Number(bits) >= 64);
    await writeCases(cases.map((one) => ({ ...one, values: ['another value'] })));
    const [result] = await runVectorFolder(folder);
    expect(result).toMatchObject({ total: cases.length, passed: 0 });
    expect(cases.length).toBeGreaterThan(5);
  });

  it('a cell among those to be refused', async () => {
    const [sound] = await casesOf('cells.json');
    const { dek, model, field, binding, type, text } = sound as Case;
    await writeCases([
      ...(await casesOf('cells-invalid.json')),
      { comment: 'sound', dek, model, field, binding, type, text },
    ]);
    const [result] = await runVectorFolder(folder);
    expect(result?.failures.map(({ number, comment, reason }) => [number, comment, reason])).toEqual([
      [237, 'sound', 'the text was accepted'],
      [237, 'sound', 'the text was accepted'],
      [237, 'sound', 'the text was accepted'],
    ]);
    expect(result?.passed).toBe(236);
  });

  it('a refusal without a typed error', async () => {
    const [invalid] = await casesOf('cells-invalid.json');
    await writeCases([
      { ...invalid, binding: [['id', 'x'.repeat(5)]], dek: '' },
      { ...invalid, type: 'Unknown' },
    ]);
    const [result] = await runVectorFolder(folder);
    expect(result?.failures.map(({ number }) => number)).toContain(2);
  });

  it.each([
    ['no case', []],
    ['no list of cases', 'cases'],
    ['cases that are no objects', [1]],
    ['an unknown member', [{ answer: 42 }]],
    ['a member too few', [{ root: '', version: 1, model: '', field: '', name: '', values: [], bits: 1, indexKey: '' }]],
  ])('a file with %s as no vector file', async (_what, cases) => {
    await writeCases(cases);
    await expect(runVectorFolder(folder)).rejects.toThrow(/^altered\.json is no vector file: /);
  });

  it('a member that nobody would check', async () => {
    const [first, ...rest] = await casesOf('cells.json');
    await writeCases([{ ...first, extra: 1 }, ...rest]);
    await expect(runVectorFolder(folder)).rejects.toThrow('of no known kind');
  });

  it('a file that is not JSON, without quoting it', async () => {
    await writeFile(join(folder, 'broken.json'), 'not JSON');
    await expect(runVectorFolder(folder)).rejects.toThrow(
      /^broken\.json is no vector file: it cannot be read as JSON$/,
    );
  });

  it('a folder that is empty or does not exist', async () => {
    await expect(runVectorFolder(folder)).rejects.toThrow('holds no vectors');
    await expect(runVectorFolder(join(folder, 'missing'))).rejects.toThrow('cannot be read');
  });
});

describe('the command', () => {
  async function run(...args: string[]): Promise<{ code: number | string | undefined; out: string; err: string }> {
    const argv = process.argv;
    const [out, err]: [string[], string[]] = [[], []];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean(out.push(String(text))));
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean(err.push(String(text))));
    process.argv = [...argv.slice(0, 2), ...args];
    try {
      vi.resetModules();
      await import('../src/vectors/main.ts');
      return { code: process.exitCode ?? undefined, out: out.join(''), err: err.join('') };
    } finally {
      process.argv = argv;
      process.exitCode = undefined;
      vi.restoreAllMocks();
    }
  }

  it('prints a count per file and ends with 0', async () => {
    const { code, out, err } = await run(SPEC);
    expect(out).toBe(
      Object.entries(FILES)
        .map(([file, count]) => `${file}: ${count} of ${count}\n`)
        .join(''),
    );
    expect([code, err]).toEqual([0, '']);
  });

  it('prints each failure and ends with 1', async () => {
    const [first, second] = await casesOf('cells.json');
    await writeCases([first, { ...second, keyId: '0000000000000000' }]);
    const { code, out } = await run(folder);
    expect(out).toMatch(
      /^altered\.json: 1 of 2\n {2}case 2 \(String under suite 0x12, row-bound\), simd: the key id is c4c039f4afd22f6a/,
    );
    expect(code).toBe(1);
  });

  it('prints JSON when asked to', async () => {
    const { code, out } = await run('--json', SPEC);
    expect(JSON.parse(out)).toMatchObject([
      { file: 'blind-index-kinds.json', total: 37 },
      { file: 'blind-index.json', total: 18, passed: 18, failures: [] },
      {},
      {},
      {},
    ]);
    expect(code).toBe(0);
  });

  it('explains itself', async () => {
    const { code, out } = await run('--help');
    expect(out).toContain('Usage: npm run -s vectors -- <folder>');
    expect(code).toBe(0);
  });

  it.each([[[]], [['a', 'b']], [['--unknown', SPEC]]])('ends with 2 on the arguments %j', async (args) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('Usage:');
  });

  it('ends with 2 on a folder or a file that it cannot use', async () => {
    const missing = await run(join(folder, 'missing'));
    expect([missing.code, missing.out]).toEqual([2, '']);
    await writeFile(join(folder, 'broken.json'), '{');
    const broken = await run(folder);
    expect([broken.code, broken.err]).toEqual([2, 'broken.json is no vector file: it cannot be read as JSON\n']);
  });
});
