import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineName } from '@fieldseal/core';
import { type AeadEngine, selectEngine } from '@fieldseal/core/internal';
import { FieldsealTestError } from '../testkit-error.ts';
import { VectorCase } from './vector-case.ts';
import { kindOf, type VectorKind } from './vector-kind.ts';

/** A case that came out differently. */
export interface VectorFailure {
  /** Position in the file, from 1. */
  readonly number: number;
  readonly comment: string;
  readonly engine: EngineName;
  readonly reason: string;
}

/** Result of one vector file. */
export interface VectorFileResult {
  /** Name within the folder. */
  readonly file: string;
  /** Name of the kind of its cases. */
  readonly kind: string;
  readonly total: number;
  /** Cases that came out as given with every engine. */
  readonly passed: number;
  readonly failures: readonly VectorFailure[];
}

const ENGINES: readonly EngineName[] = ['simd', 'native', 'noble'];

/**
 * Runs the known answers of every `*.json` of a folder with every engine. What kind of answers a file holds is told by the members of its
 * cases, not by its name.
 *
 * @throws FieldsealTestError when the folder cannot be read, holds no such file, or a file is of no known kind
 */
export async function runVectorFolder(folder: string): Promise<VectorFileResult[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new FieldsealTestError(`the folder ${folder} cannot be read`, { cause });
  });
  const files = names.filter((name) => name.endsWith('.json')).sort();
  if (files.length === 0) throw new FieldsealTestError(`the folder ${folder} holds no vectors`);
  return Promise.all(files.map((file) => runFile(folder, file)));
}

async function runFile(folder: string, file: string): Promise<VectorFileResult> {
  try {
    const cases = casesOf(JSON.parse(await readFile(join(folder, file), 'utf8')));
    const kind = kindOf(cases);
    const failures = ENGINES.map((name) => selectEngine(name)).flatMap((engine) =>
      cases.flatMap((vector, at) => runCase(kind, vector, at + 1, engine)),
    );
    const failed = new Set(failures.map(({ number }) => number)).size;
    return { file, kind: kind.name, total: cases.length, passed: cases.length - failed, failures };
  } catch (cause) {
    const reason = cause instanceof FieldsealTestError ? cause.message : 'it cannot be read as JSON';
    throw new FieldsealTestError(`${file} is no vector file: ${reason}`, { cause });
  }
}

function casesOf(json: unknown): VectorCase[] {
  const cases = typeof json === 'object' && json !== null && 'cases' in json ? json.cases : undefined;
  if (!Array.isArray(cases)) throw new FieldsealTestError('it has no list of cases');
  return cases.map((vector: unknown) => new VectorCase(vector));
}

function runCase(kind: VectorKind, vector: VectorCase, number: number, engine: AeadEngine): VectorFailure[] {
  try {
    kind.check(vector, engine);
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'something was thrown that is no error';
    return [{ number, comment: vector.comment, engine: engine.name, reason }];
  }
}
