import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FieldsealTestError, newCanary, type Spelling, scanBytes, scanFiles } from '../src/index.ts';
import { ScanWindow } from '../src/plaintext-scan/scan-window.ts';
import { needlesOf } from '../src/plaintext-scan/spelling.ts';

// Holds what each spelling changes: a quote, a slash, a space, a percent sign, letters outside ASCII and outside the BMP, and
// question marks, which base64 writes with a slash wherever they start.
const AWKWARD = 'Zoë "O/N" 100% 🦜 Ωmega?????';

/** The writers under test, by the spelling that they must be found as. They are not the scanner's own. */
const WRITERS: readonly (readonly [label: string, expected: Spelling, write: (text: string) => Buffer])[] = [
  ['UTF-8', 'utf-8', (text) => Buffer.from(text, 'utf8')],
  ['UTF-16 little-endian', 'utf-16le', (text) => Buffer.from(text, 'utf16le')],
  ['UTF-16 big-endian', 'utf-16be', (text) => Buffer.from(text, 'utf16le').swap16()],
  ['base64', 'base64', (text) => Buffer.from(btoa(latin1(text)))],
  ['base64 after one byte', 'base64', (text) => Buffer.from(btoa(`x${latin1(text)}`))],
  ['base64 after two bytes, more behind', 'base64', (text) => Buffer.from(btoa(`xy${latin1(text)}~~`))],
  ['base64url', 'base64url', (text) => Buffer.from(urlSafe(btoa(latin1(text))))],
  ['base64url after one byte', 'base64url', (text) => Buffer.from(urlSafe(btoa(`\xff${latin1(text)}`)))],
  ['base64url after two bytes', 'base64url', (text) => Buffer.from(urlSafe(btoa(`\xff\xff${latin1(text)}`)))],
  ['lower-case hex', 'hex', (text) => Buffer.from(hex(text))],
  ['upper-case hex', 'hex', (text) => Buffer.from(hex(text).toUpperCase())],
  ['JSON', 'json', (text) => Buffer.from(JSON.stringify({ value: text }))],
  ['JSON with escaped slashes', 'json', (text) => Buffer.from(JSON.stringify(text).replaceAll('/', '\\/'))],
  ['ASCII JSON', 'json', (text) => Buffer.from(asciiJson(text))],
  [
    'ASCII JSON in capitals',
    'json',
    (text) => Buffer.from(asciiJson(text).replace(/[0-9a-f]{4}/g, (d) => d.toUpperCase())),
  ],
  ['a URL component', 'percent', (text) => Buffer.from(`?name=${encodeURIComponent(text)}&page=2`)],
  ['a URL component in small hex', 'percent', (text) => Buffer.from(smallHex(encodeURIComponent(text)))],
  ['a form', 'percent', (text) => Buffer.from(encodeURIComponent(text).replaceAll('%20', '+'))],
];

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
const urlSafe = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const hex = (text: string): string => [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const smallHex = (text: string): string => text.replaceAll(/%../g, (code) => code.toLowerCase());
const asciiJson = (text: string): string =>
  JSON.stringify(text)
    .split('')
    .map((unit) => (unit > '\x7f' ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : unit))
    .join('');

describe('scanBytes', () => {
  it.each(WRITERS)('finds a canary written as %s', (_label, expected, write) => {
    const planted = Buffer.concat([Buffer.from('\x00noise '), write(AWKWARD), Buffer.from(' noise\xff')]);
    const findings = scanBytes(planted, ['some other canary', AWKWARD]);
    expect(findings.map(({ canary, spelling }) => ({ canary, spelling }))).toContainEqual({
      canary: 1,
      spelling: expected,
    });
    expect(findings.every(({ canary }) => canary === 1)).toBe(true);
  });

  it.each(WRITERS)('finds it as %s in pieces of every size, once', (_label, _expected, write) => {
    const planted = Buffer.concat([Buffer.from('before '), write(AWKWARD), Buffer.from(' behind')]);
    const whole = scanBytes(planted, [AWKWARD]);
    expect(whole.length).toBeGreaterThan(0);
    for (let size = 1; size <= planted.length; size++) {
      const window = new ScanWindow(needlesOf([AWKWARD]));
      const inPieces = [];
      for (let at = 0; at < planted.length; at += size) inPieces.push(...window.push(planted.subarray(at, at + size)));
      expect(inPieces.sort((a, b) => a.offset - b.offset)).toEqual(whole);
    }
  });

  it('reports where each finding starts, and every one', () => {
    const canary = newCanary('twice');
    const text = `12345${canary}--${canary}`;
    expect(scanBytes(Buffer.from(text), [canary])).toEqual([
      { offset: 5, canary: 0, spelling: 'utf-8' },
      { offset: 7 + canary.length, canary: 0, spelling: 'utf-8' },
    ]);
  });

  it('finds nothing where nothing is', () => {
    const canary = newCanary('absent');
    const close = [canary.slice(1), canary.slice(0, -1), canary.toUpperCase(), [...canary].reverse().join('')];
    for (const text of ['', ...close, newCanary('absent')]) expect(scanBytes(Buffer.from(text), [canary])).toEqual([]);
    const bigEndian = Buffer.from(canary, 'utf16le').swap16();
    bigEndian[0] = 1;
    expect(scanBytes(bigEndian, [canary])).toEqual([]);
    const damaged = Buffer.from(canary);
    damaged[10] = (damaged[10] ?? 0) ^ 1;
    for (const encoding of ['utf8', 'hex', 'base64'] as const) {
      expect(scanBytes(Buffer.from(damaged.toString(encoding)), [canary])).toEqual([]);
    }
  });

  it('refuses a scan that would prove nothing', () => {
    expect(() => scanBytes(Buffer.from('x'), [])).toThrow(FieldsealTestError);
    expect(() => scanBytes(Buffer.from('x'), ['long enough', ''])).toThrow('canary 1 is shorter than 8 bytes');
    expect(() => scanBytes(Buffer.from('x'), ['7 bytes'])).toThrow(FieldsealTestError);
  });
});

describe('scanFiles', () => {
  const canary = newCanary('file');
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fieldseal-scan-'));
    await mkdir(join(folder, 'tree', 'deep', 'empty'), { recursive: true });
    await mkdir(join(folder, 'elsewhere'));
    // Across the border of two reads, which are 1 MiB each.
    const large = Buffer.alloc(3 << 20, '.');
    large.write(canary, (1 << 20) - 7);
    large.write(Buffer.from(canary).toString('hex'), (2 << 20) - 31);
    await writeFile(join(folder, 'tree', 'deep', 'large'), large);
    await writeFile(join(folder, 'tree', 'clean'), 'nothing here');
    await writeFile(join(folder, 'elsewhere', 'linked'), canary);
    await symlink(join(folder, 'elsewhere'), join(folder, 'tree', 'link'));
    await symlink(join(folder, 'tree'), join(folder, 'tree', 'loop'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('finds canaries in a tree, through links, once each', async () => {
    expect(await scanFiles([join(folder, 'tree'), join(folder, 'tree', 'deep', 'large')], [canary])).toEqual([
      { file: join(folder, 'tree', 'deep', 'large'), offset: (1 << 20) - 7, canary: 0, spelling: 'utf-8' },
      { file: join(folder, 'tree', 'deep', 'large'), offset: (2 << 20) - 31, canary: 0, spelling: 'hex' },
      { file: join(folder, 'tree', 'link', 'linked'), offset: 0, canary: 0, spelling: 'utf-8' },
    ]);
  });

  it('finds nothing in clean files', async () => {
    expect(await scanFiles([join(folder, 'tree', 'clean')], [canary])).toEqual([]);
    expect(await scanFiles([join(folder, 'tree')], [newCanary('file')])).toEqual([]);
  });

  it('refuses to scan nothing', async () => {
    await expect(scanFiles([join(folder, 'missing')], [canary])).rejects.toThrow('there is nothing to scan at');
    await expect(scanFiles([join(folder, 'tree', 'deep', 'empty')], [canary])).rejects.toThrow(
      'there is no file to scan',
    );
    await expect(scanFiles([join(folder, 'tree', 'clean')], [])).rejects.toThrow(FieldsealTestError);
  });
});

describe('newCanary', () => {
  it('makes another canary each time, of characters that every format leaves alone', () => {
    const canaries = Array.from({ length: 1000 }, () => newCanary('note'));
    expect(new Set(canaries).size).toBe(1000);
    for (const canary of canaries) expect(canary).toMatch(/^note[a-z0-9]{24}$/);
    expect(() => newCanary('two words')).toThrow(FieldsealTestError);
  });
});
