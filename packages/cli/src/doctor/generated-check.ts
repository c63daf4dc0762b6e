import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readSchemaMap, type SchemaMap } from '@fieldseal/prisma/internal';
import type { SchemaFile } from '../schema-file.ts';
import { type Finding, finding } from './finding.ts';
import { type GeneratorOutput, generatorOutputs } from './generators.ts';

/** Files that each kind of generator writes, best first, relative to its output folder. */
const FILES: Readonly<Record<GeneratorOutput['kind'], readonly string[]>> = {
  client: ['internal/class.ts'],
  'client-js': ['index.js', 'default.js'],
  map: ['fieldseal-schema.ts'],
};

const INLINE_SCHEMA = /"inlineSchema":\s*("(?:[^"\\]|\\.)*")/;
const MAP = /export const schema: SchemaMap = (\{.*\});\s*$/s;

/** What was generated against the schema: the schema map, and the schema that each client carries. */
export async function checkGenerated(schema: SchemaFile, map: SchemaMap, project: string): Promise<Finding[]> {
  const outputs = generatorOutputs(schema, project);
  const found = await Promise.all(outputs.map((output) => checkOutput(output, schema, map, project)));
  if (outputs.some(({ kind }) => kind !== 'map')) return found.flat();
  return [
    ...found.flat(),
    finding('client.missing', schema.path, 'the schema names no client generator with an output'),
  ];
}

async function checkOutput(
  { kind, folder }: GeneratorOutput,
  schema: SchemaFile,
  map: SchemaMap,
  project: string,
): Promise<Finding[]> {
  const place = relative(project, folder) || folder;
  const text = await firstOf(folder, FILES[kind]);
  if (kind === 'map') return checkMap(text, map, place);
  if (text === null) return [finding('client.missing', place, 'there is no generated client')];
  const [, quoted] = INLINE_SCHEMA.exec(text) ?? [];
  const inline = quoted === undefined ? undefined : parsed(quoted);
  if (typeof inline !== 'string')
    return [finding('client.missing', place, 'the generated client carries no schema to compare')];
  if (lines(inline) === lines(schema.text)) return [];
  if (isDeepStrictEqual(annotationsOf(inline), map))
    return [
      finding(
        'client.outdated',
        place,
        'the client was generated from another text of the schema; its annotations are the same',
      ),
    ];
  return [
    finding('client.stale', place, 'the client was generated from a schema with other models, fields or annotations'),
  ];
}

function checkMap(text: string | null, map: SchemaMap, place: string): Finding[] {
  if (text === null)
    return [finding('map.missing', place, 'the fieldseal generator stands in the schema, but its map is not there')];
  const given = parsed(MAP.exec(text)?.[1] ?? '');
  return isDeepStrictEqual(given, map)
    ? []
    : [finding('map.stale', place, 'fieldseal-schema.ts is not the map of this schema')];
}

async function firstOf(folder: string, names: readonly string[]): Promise<string | null> {
  for (const name of names) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => null);
    if (text !== null) return text;
  }
  return null;
}

/** Null for a schema that cannot be read: such a client is stale as well. */
function annotationsOf(text: string): SchemaMap | null {
  try {
    return readSchemaMap(text);
  } catch {
    return null;
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Prisma joins the files of a folder in an order of its own, and `prisma format` moves spaces. */
function lines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '')
    .sort()
    .join('\n');
}
