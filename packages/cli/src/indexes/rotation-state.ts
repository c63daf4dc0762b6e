import { APPLICATION_SCOPE, INDEX_WAIT_MS, type IndexRoot, type Keyring, type KeyView } from '@fieldseal/core';
import { readSchemaMap } from '@fieldseal/prisma/internal';
import {
  type CountedIndex,
  countIndexTerms,
  type ModelTable,
  modelTable,
  rowsToFill,
  rowsWithout,
} from '@fieldseal/prisma/jobs';
import type { JobProject } from '../jobs/job-project.ts';

/**
 * Where a rotation of index roots stands:
 *
 * - `steady`: there is one root, and all terms are of it
 * - `added`: a second one is known; rows are filled, and it is promoted
 * - `promoted`: it is the primary; rows are filled, and the older one is retired
 * - `cleanup`: there is one root, and terms of another are left
 */
export type RotationPhase = 'steady' | 'added' | 'promoted' | 'cleanup';

/** What `fieldseal index` knows of a project. */
export interface RotationState {
  readonly phase: RotationPhase;
  /** The scope whose root is rotated, or undefined for that of the application. */
  readonly scope: string | undefined;
  readonly view: KeyView;
  /** The root that the rotation leads to, and the one that it leads away from; null where there is one root. */
  readonly newer: IndexRoot | null;
  readonly older: IndexRoot | null;
  /** From when on the next step may be taken (ISO 8601), or null for now. */
  readonly waitsUntil: string | null;
  readonly tables: readonly ModelTable[];
  readonly counted: readonly CountedIndex[];
}

/**
 * Reads the keyring and counts the terms of the indexes of a scope by version: without one, those of models without `@scope`.
 *
 * @throws ERR_JOB_DATABASE, and the errors of the keyring
 */
export async function rotationState(project: JobProject, scope: string | undefined): Promise<RotationState> {
  const keyring = await project.keyring();
  const { keysets } = await keyring.describe([scope ?? APPLICATION_SCOPE]);
  const view = await keyring.resolve(scope ?? APPLICATION_SCOPE);
  const tables = tablesOf(project, scope !== undefined);
  const counted = await countAll(project, tables, scope);
  const [newer = null, older = null] =
    view.indexRoots.length < 2 ? [] : [...view.indexRoots].sort((a, b) => b.version - a.version);
  const left = rowsToFill(view, counted) > 0;
  const phase = newer === null ? (left ? 'cleanup' : 'steady') : newer === view.indexRoot ? 'promoted' : 'added';
  return { phase, scope, view, newer, older, waitsUntil: waitsUntil(keysets[0]?.index.since), tables, counted };
}

/** Counts the rows that lack a term of a root, for a step of the keyring. */
export function lacking(
  project: JobProject,
  { tables, scope }: RotationState,
  root: IndexRoot,
  alone: boolean,
): () => Promise<number> {
  return async () => rowsWithout(root, await countAll(project, tables, scope), alone) + (await strays(project, scope));
}

/**
 * Values of models without `@scope` that are under the keys of a scope, because they were written while it was current: their terms are of its
 * root, and no job knows them.
 */
export async function strays(project: JobProject, scope: string | undefined): Promise<number> {
  if (scope === undefined) return 0;
  const keys = await keyIdsOf(await project.keyring(), scope);
  let values = 0;
  for (const { model, indexes } of tablesOf(project, false)) {
    if (indexes.length === 0) continue;
    const census = await project.source(model).census(project.database);
    for (const line of census) if (keys.has(line.key)) values += line.values;
  }
  return values;
}

async function keyIdsOf(keyring: Keyring, scope: string): Promise<ReadonlySet<string>> {
  const { keysets } = await keyring.describe([scope]);
  return new Set(keysets.flatMap(({ data }) => data.versions.map(({ keyId }) => keyId)));
}

function tablesOf(project: JobProject, scoped: boolean): ModelTable[] {
  const { models } = readSchemaMap(project.schema.text);
  return project.models
    .filter((model) => (models[model]?.scope != null) === scoped)
    .map((model) => modelTable({ schema: project.schema.text, model }));
}

async function countAll(
  project: JobProject,
  tables: readonly ModelTable[],
  scope: string | undefined,
): Promise<CountedIndex[]> {
  const counted: CountedIndex[] = [];
  for (const table of tables) counted.push(...(await countIndexTerms(project.database, table, scope)));
  return counted;
}

function waitsUntil(since: string | undefined): string | null {
  const end = since === undefined ? 0 : Date.parse(since) + INDEX_WAIT_MS;
  return end > Date.now() ? new Date(end).toISOString() : null;
}

/** Lines that say where a rotation stands, and what comes next. */
export function stateLines({ phase, scope, view, counted, waitsUntil: until }: RotationState): string[] {
  const versions = view.indexRoots.map(({ version }) => version);
  const columns = counted.flatMap(({ first, second }) => [first, ...(second === null ? [] : [second])]);
  const rows = columns.flatMap((lines) => {
    const total = new Map<string, number>();
    for (const { version, rows: count } of lines) {
      const name = version === null ? 'none' : String(version);
      total.set(name, (total.get(name) ?? 0) + count);
    }
    return [...total].sort().map(([version, count]) => `  ${lines[0]?.column}  ${version}  ${count}`);
  });
  return [
    `index roots${scope === undefined ? '' : ` of ${scope}`}: ${versions.join(' and ')}; ${versions[0]} is the primary`,
    ...(rows.length === 0 ? [] : ['column, version of its terms, rows:', ...rows]),
    NEXT[phase],
    ...(until === null || phase === 'steady' ? [] : [`Not before ${until}, unless --every-process-knows.`]),
  ];
}

const NEXT: Readonly<Record<RotationPhase, string>> = {
  steady: 'No rotation is under way.',
  added: 'The newer root is added. Next, `fieldseal index rotate continue` fills its terms in and promotes it.',
  promoted:
    'The newer root is the primary. Next, `fieldseal index rotate continue` fills the rest and retires the older one.',
  cleanup: 'Terms of another root are left. Next, `fieldseal index rotate continue` takes them out.',
};
