import type { ModelMap, SchemaMap } from '@fieldseal/prisma/internal';
import type { SchemaFile } from '../schema-file.ts';
import { PROVIDERS, providerOf } from './adapter.ts';
import { checkCells, type FieldCount } from './cells-check.ts';
import type { CountOptions } from './counting.ts';
import { Database } from './database.ts';
import { DatabaseProblem } from './database-problem.ts';
import { type Finding, finding } from './finding.ts';
import { connectionSchema, namedModels } from './named-models.ts';
import type { Progress } from './progress.ts';
import { checkStructure, type NamedModel, type Structure } from './structure-check.ts';
import { checkTerms } from './terms-check.ts';

/** How a database is checked. */
export interface DatabaseCheck extends CountOptions, DatabaseAccess {}

/** What was found in a database. */
export interface CheckedDatabase {
  readonly findings: readonly Finding[];
  readonly fields: readonly FieldCount[];
  readonly reached: boolean;
}

/** Where a database is, and how long it may be asked. */
export interface DatabaseAccess {
  readonly url: string;
  /** Folder whose driver adapter is used. */
  readonly project: string;
  /** Longest time that one statement may take. */
  readonly timeoutMs: number;
  readonly progress: Progress;
}

/** Checks the tables of all models that hold encrypted fields. Nothing is written. */
export async function checkDatabase(
  schema: SchemaFile,
  map: SchemaMap,
  options: DatabaseCheck,
): Promise<CheckedDatabase> {
  const checked = await withModels(schema, map, options, (database, provider, models) =>
    checkModels(database, provider, models, options),
  );
  return 'id' in checked ? { findings: [checked], fields: [], reached: false } : checked;
}

/**
 * Opens the database for some work on the models that hold encrypted fields.
 *
 * @returns what the work gives, or the finding that says why the database cannot be asked
 */
export async function withModels<Result>(
  schema: SchemaFile,
  map: SchemaMap,
  { url, project, timeoutMs, progress }: DatabaseAccess,
  work: (database: Database, provider: string, models: readonly NamedModel[]) => Promise<Result>,
): Promise<Result | Finding> {
  const provider = providerOf(schema);
  if (!PROVIDERS.includes(provider))
    return finding('database.unsupported', provider, `databases of the provider ${provider} are not looked at`);
  try {
    progress.step('connecting to the database');
    const database = await Database.open(provider, url, project, timeoutMs);
    try {
      return await work(database, provider, namedModels(schema, map, connectionSchema(provider, url)));
    } finally {
      await database.close();
    }
  } catch (error) {
    if (!(error instanceof DatabaseProblem)) throw error;
    return finding(error.kind === 'adapter' ? 'database.adapter' : 'database.unreachable', provider, error.message);
  }
}

async function checkModels(
  database: Database,
  provider: string,
  models: readonly NamedModel[],
  options: DatabaseCheck,
): Promise<CheckedDatabase> {
  const findings: Finding[] = [];
  const fields: FieldCount[] = [];
  for (const model of models) {
    options.progress.step(`checking ${model.name}`);
    const structure = await checkStructure(database, provider, model);
    findings.push(...structure.findings);
    for (const field of present(model.map.encrypted, structure)) {
      options.progress.step(`counting ${model.name}.${field}`);
      const { findings: found, count } = await checkCells(database, model, field, options);
      findings.push(...found);
      if (count !== null) fields.push(count);
    }
    const indexes = countedIndexes(model.map, options);
    for (const [field, { of, child, dbName }] of Object.entries(indexes)) {
      const columns = [...(child === null ? [dbName] : []), ...of.map((source) => model.map.encrypted[source]?.dbName)];
      if (columns.some((column) => column === undefined || !structure.columns.has(column))) continue;
      options.progress.step(`counting ${model.name}.${field}`);
      findings.push(...(await checkTerms(database, model, field, options)));
    }
  }
  return { findings, fields, reached: true };
}

/** Fields whose column is there. */
function present(fields: Readonly<Record<string, { readonly dbName: string }>>, { columns }: Structure): string[] {
  return Object.entries(fields).flatMap(([field, { dbName }]) => (columns.has(dbName) ? [field] : []));
}

/** Indexes whose terms are looked at: of two columns the one that is searched, for in the other one terms come and go. */
function countedIndexes({ indexes, scope }: ModelMap, { keys }: CountOptions): ModelMap['indexes'] {
  // Which one that is depends on the scope, where rows have scopes of their own.
  const known = keys !== null && scope === null;
  const even = (keys?.indexVersions[0] ?? 1) % 2 === 0;
  return Object.fromEntries(
    Object.entries(indexes).filter(
      ([, { next, nextOf }]) =>
        (even ? next === null : nextOf === null) && (known || (next === null && nextOf === null)),
    ),
  );
}
