/**
 * Compiles the kernel to src/aead/simd/module.ts, and is reproducible: the same sources give the same bytes on any machine.
 *
 *     node packages/core/kernel/build.mjs           writes the module
 *     node packages/core/kernel/build.mjs --check   fails unless the module is what the sources give
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { layoutSource, permutationSource, sha256Source } from './generated.mjs';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const MODULE = path('../src/aead/simd/module.ts');
const LAYOUT = readFileSync(path('../src/aead/simd/layout.ts'), 'utf8');
const MAX_BYTES = 16_384;
const LINE = 114;

const GENERATED = new Map([
  ['layout.as', layoutSource(LAYOUT)],
  ['permutation.as', permutationSource()],
  ['sha256-rounds.as', sha256Source()],
]);
const constant = (name) => new RegExp(`^export const ${name} = (\\d+);$`, 'm').exec(LAYOUT)[1];
const PAGES = constant('PAGES');
const CONSTANTS = constant('CONSTANTS');

/** No imports, no runtime, no growth of the memory. */
const OPTIONS = [
  '-O3',
  '--noAssert',
  '--converge',
  ...['--runtime', 'stub'],
  ...['--enable', 'simd', '--enable', 'bulk-memory'],
  ...['--initialMemory', PAGES, '--maximumMemory', PAGES],
  ...['--memoryBase', CONSTANTS],
  ...['--use', 'abort='],
];

/** The compiler asks for names in .ts, which no other tool shall take for TypeScript; null means that there is no such file. */
function readSource(name) {
  return GENERATED.get(name) ?? (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : null);
}

async function compile() {
  let wasm;
  const { error, stderr } = await asc.main(['kernel', '-o', 'kernel.wasm', ...OPTIONS], {
    readFile: (name) => readSource(name.replace(/\.ts$/, '.as')),
    writeFile: (name, bytes) => {
      if (name === 'kernel.wasm') wasm = bytes;
    },
    listFiles: () => [],
  });
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  if (wasm.length > MAX_BYTES) throw new Error(`the kernel has ${wasm.length} bytes; at most ${MAX_BYTES} are allowed`);
  return wasm;
}

function moduleSource(wasm) {
  const base64 = Buffer.from(wasm).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${LINE}}`, 'g')).map((line) => `  '${line}',\n`);
  return [
    '/** The compiled kernel: a WebAssembly module in base64. Written by kernel/build.mjs; never edited. */\n',
    'export const KERNEL: string = [\n',
    ...lines,
    "].join('');\n",
  ].join('');
}

const wasm = await compile();
const source = moduleSource(wasm);
if (!process.argv.includes('--check')) {
  writeFileSync(MODULE, source);
  process.stdout.write(`kernel: ${wasm.length} bytes\n`);
} else if (!existsSync(MODULE) || readFileSync(MODULE, 'utf8') !== source) {
  process.stderr.write(
    'kernel: src/aead/simd/module.ts is not what its sources give; run node packages/core/kernel/build.mjs\n',
  );
  process.exitCode = 1;
}
