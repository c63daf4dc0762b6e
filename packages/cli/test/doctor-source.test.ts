import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkSource } from '../src/doctor/source-check.ts';
import { sourceFiles } from '../src/doctor/source-files.ts';
import { chainStart, codeOf } from '../src/doctor/source-text.ts';
import { scratch } from './harness.ts';

const { path, remove } = scratch();
afterAll(remove);

const found = (files: Readonly<Record<string, string>>) =>
  checkSource(Object.entries(files).map(([name, text]) => ({ path: name, text }))).map(
    ({ id, place }) => `${id} ${place}`,
  );

/** One file, and what is said of it. */
const FILES: readonly (readonly [name: string, text: string, findings: readonly string[]])[] = [
  ['a plain client', 'const db = new PrismaClient({ adapter });', ['source.unextended a.ts:1']],
  ['a plain client of a namespace', '\nexport const db = new Generated.PrismaClient();', ['source.unextended a.ts:2']],
  [
    'a plain client of a service',
    'class Db extends PrismaClient implements OnModuleInit {}',
    ['source.unextended a.ts:1'],
  ],
  [
    'two plain clients',
    'new PrismaClient();\nnew PrismaClient();',
    ['source.unextended a.ts:1', 'source.unextended a.ts:2'],
  ],
  ['encryption() in a comment', '// encryption()\nnew PrismaClient();', ['source.unextended a.ts:2']],
  ['encryption() in a string', 'log("encryption()"); new PrismaClient();', ['source.unextended a.ts:1']],
  ['a client in a comment', '/* new PrismaClient() */', []],
  ['a client in a string', 'const text = `new PrismaClient()`;', []],
  ['another class', 'new PrismaClientError(); new MyPrismaClient();', []],
  ['a client that is plain on purpose', '// fieldseal: plain client\nnew PrismaClient();', []],
  [
    'a purpose that stands elsewhere',
    '// fieldseal: plain client\n\nnew PrismaClient();',
    ['source.unextended a.ts:3'],
  ],
  ['an extended client', 'export const db = new PrismaClient({ adapter }).$extends(encryption());', []],
  [
    'one that is extended later',
    'const base = new PrismaClient();\nexport const db = base.$extends(encryption({ keyring }));',
    [],
  ],
  ['one that is returned', 'function make() {\n  return new PrismaClient().$extends(encryption());\n}', []],
  ['one that is returned by an arrow', 'const make = () =>\n  base.$extends(encryption());', []],
  ['one that is an argument', 'provide(base.$extends(encryption()));', []],
  ['one that is a member', 'const x = { db: base.$extends(encryption()), y };', []],
  ['one that is used at once', 'await base.$extends(encryption()).user.findMany();', []],
  ['one that is assigned', 'this.db = this.base.$extends(encryption());', []],
  ['one that is assigned on the next line', 'db =\n  base.$extends(encryption());', []],
  ['one that is the default export', 'export default new PrismaClient().$extends(encryption());', []],
  ['a ternary', 'const db = plain ? base : base.$extends(encryption());', []],
  [
    'a result that is thrown away',
    'const base = new PrismaClient();\nbase.$extends(encryption());',
    ['source.discarded a.ts:2'],
  ],
  [
    'one without semicolons',
    'const base = new PrismaClient()\nbase.$extends(encryption())\nexport { base }',
    ['source.discarded a.ts:2'],
  ],
  ['one behind a string', "import x from 'x'\nbase.$extends(encryption())\n", ['source.discarded a.ts:2']],
  ['one behind a comment', '// extend it\nbase.$extends(encryption());', ['source.discarded a.ts:2']],
  ['one that is awaited', 'await base.$extends(encryption());', ['source.discarded a.ts:1']],
  [
    'one in a constructor',
    'class A {\n  constructor() {\n    super();\n    this.$extends(encryption());\n  }\n}',
    ['source.discarded a.ts:4'],
  ],
  [
    'one of a new client',
    'new PrismaClient({ adapter }).$extends(encryption({ keyring }));',
    ['source.discarded a.ts:1'],
  ],
  ['one over several lines', 'base\n  .$extends(\n    encryption({ a: [1, (2)] }),\n  );', ['source.discarded a.ts:2']],
  ['another extension behind', 'const db = base.$extends(encryption()).$extends(audit());', ['source.order a.ts:1']],
  [
    'another extension on the next line',
    'const db = base\n  .$extends(encryption({ keyring }))\n  .$extends(audit());',
    ['source.order a.ts:2'],
  ],
  [
    'another extension later',
    'const db = base.$extends(encryption());\nexport const more = db.$extends(audit());',
    ['source.order a.ts:1'],
  ],
  ['another extension before', 'const db = base.$extends(audit()).$extends(encryption());', []],
  [
    'another client extended later',
    'const db = base.$extends(encryption());\nconst more = otherdb.$extends(audit());',
    [],
  ],
  ['an encryption() that is no extension', 'const e = encryption();\nbase.$extends(audit());', []],
];

test.each(FILES)('%s', (_, text, findings) => {
  expect(found({ 'a.ts': text })).toEqual(findings);
});

test('a client in a file of its own is extended by a file that imports it', () => {
  const base = 'export const base = new PrismaClient();';
  for (const specifier of ['./base', './base.ts', '../src/base.js', '@/db/base', 'src/base'])
    expect(
      found({
        'src/base.ts': base,
        'src/db.ts': `import { base } from '${specifier}';\nexport const db = base.$extends(encryption());`,
      }),
    ).toEqual([]);
  expect(
    found({
      'src/base/index.ts': base,
      'a.js': `const { base } = require('./src/base'); module.exports = base.$extends(encryption())`,
    }),
  ).toEqual([]);
  expect(
    found({
      'src/base.ts': base,
      'src/db.ts': `import { base } from './other';\nexport const db = base.$extends(encryption());`,
    }),
  ).toEqual(['source.unextended src/base.ts:1']);
  expect(found({ 'src/base.ts': base, 'src/use.ts': `import { base } from './base';\nbase.user.findMany();` })).toEqual(
    ['source.unextended src/base.ts:1'],
  );
});

test('blanking keeps places', () => {
  const text = "a('x\\'y'); // b\n/* c\nd */ `e\nf` g";
  const code = codeOf(text);
  expect(code).toHaveLength(text.length);
  expect(code.split('\n')).toHaveLength(text.split('\n').length);
  expect(code.replace(/\s+/g, ' ')).toBe("a(' '); ' ' g");
});

test('the start of a chain', () => {
  for (const [before, chain] of [
    ['x = ', 'a.b(c)[d]?.e'],
    ['', 'a'],
    ['f(); ', 'a\n  .b()'],
    ['if (x) ', 'a.b'],
    ['return ', '(a)'],
    ['y; ', 'a!.b!'],
  ] as const) {
    const code = before + chain;
    expect(code.slice(chainStart(code, code.length))).toBe(chain);
  }
});

test('other folders, endings and large files are left out, and the number is bounded', async () => {
  for (const name of [
    'a.ts',
    'b.mjs',
    'c/d.tsx',
    'e.cts', // read
    'node_modules/f.ts',
    'dist/f.ts',
    '.next/f.ts',
    'c/generated/f.ts',
    'out-of/f.ts',
    'types.d.ts',
    'f.json',
    'g.d.mts',
  ]) {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), name);
  }
  writeFileSync(path('bundle.js'), 'x'.repeat(1024 * 1024 + 1));
  const names = async (limit?: number) => {
    const { files, more } = await sourceFiles(path('.'), [path('out-of')], limit);
    return [files.map((file) => file.path).sort(), more];
  };
  expect(await names()).toEqual([['a.ts', 'b.mjs', 'c/d.tsx', 'e.cts'], false]);
  expect((await names(2))[1]).toBe(true);
  expect((await names(4))[1]).toBe(false);
});
