import { dirname, join, resolve } from 'node:path';
import type { SchemaFile } from '../schema-file.ts';

/** What a generator block of the schema writes. */
export interface GeneratorOutput {
  readonly kind: 'client' | 'client-js' | 'map';
  readonly folder: string;
}

const BLOCK = /^\s*generator\s+\w+\s*\{([^}]*)\}/gm;
const PROVIDER = /^\s*provider\s*=\s*"([^"]*)"/m;
const OUTPUT = /^\s*output\s*=\s*"([^"]*)"/m;

/** Where prisma-client-js writes to unless it is told. */
const DEFAULT_JS_OUTPUT = 'node_modules/.prisma/client';

const KINDS: readonly (readonly [provider: RegExp, kind: GeneratorOutput['kind']])[] = [
  [/^prisma-client$/, 'client'],
  [/^prisma-client-js$/, 'client-js'],
  [/fieldseal-generator/, 'map'],
];

/** Outputs of the schema's generators that doctor knows. Paths are relative to the schema, as Prisma takes them. */
export function generatorOutputs({ path, text }: SchemaFile, project: string): GeneratorOutput[] {
  const base = path.endsWith('.prisma') ? dirname(path) : path;
  return [...text.matchAll(BLOCK)].flatMap(([, body = '']): GeneratorOutput[] => {
    const provider = PROVIDER.exec(body)?.[1] ?? '';
    const kind = KINDS.find(([pattern]) => pattern.test(provider))?.[1];
    const output = OUTPUT.exec(body)?.[1];
    if (kind === undefined) return [];
    if (output !== undefined) return [{ kind, folder: resolve(base, output) }];
    return kind === 'client-js' ? [{ kind, folder: join(resolve(project), DEFAULT_JS_OUTPUT) }] : [];
  });
}
