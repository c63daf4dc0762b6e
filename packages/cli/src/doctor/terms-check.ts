import type { IndexKind } from '@fieldseal/core';
import type { EncryptedFieldMap, IndexMap } from '@fieldseal/prisma/internal';
import type { FindingId } from './catalogue.ts';
import { type CountOptions, counting } from './counting.ts';
import type { Database } from './database.ts';
import { counted, type Finding, finding } from './finding.ts';
import { type CellClass, countTerms } from './row-counts.ts';
import type { NamedModel } from './structure-check.ts';

/** Rows of one class and one version of term. */
interface Group {
  readonly cell: CellClass;
  /** Null where there is no term, `''` where it is none of this index. */
  readonly version: string | null;
  readonly rows: number;
}

interface Fault {
  readonly id: FindingId;
  readonly message: string;
  /** @param current - versions of index roots that searches use; undefined when they are not known */
  has(group: Group, current: readonly number[] | undefined, index: IndexMap): boolean;
}

/** Kinds of index that have a term for every value; to others a text may be too short. */
const EVERY: readonly IndexKind[] = ['equality', 'range'];

/** Rows in plaintext have no terms, and are found by the check of the field itself. */
const FAULTS: readonly Fault[] = [
  {
    id: 'index.term-missing',
    message: 'with a cell and no term',
    has: ({ cell, version }, _, { kind }) => cell === 'cell' && version === null && EVERY.includes(kind),
  },
  {
    id: 'index.term-none',
    message: 'with a cell and no term',
    has: ({ cell, version }, _, { kind }) => cell === 'cell' && version === null && !EVERY.includes(kind),
  },
  {
    id: 'index.term-orphan',
    message: 'with a term and no value',
    has: ({ cell, version }) => cell === 'null' && version !== null,
  },
  {
    id: 'index.term-malformed',
    message: 'with something that is no term of this index',
    has: ({ version }) => version === '',
  },
  {
    id: 'index.term-version',
    message: 'with a term of an index version that searches do not use',
    has: ({ version }, current) =>
      current !== undefined && version !== null && version !== '' && !current.includes(Number(version)),
  },
];

/** Counts the terms of one index against the fields that it is over. */
export async function checkTerms(
  database: Database,
  model: NamedModel,
  field: string,
  options: CountOptions,
): Promise<readonly Finding[]> {
  const index = model.map.indexes[field] as IndexMap;
  const sources = index.of.map((of) => model.map.encrypted[of] as EncryptedFieldMap);
  const table = model.termTables.get(field) ?? null;
  // Each scope has roots of its own.
  const versions = model.map.scope === null ? options.keys?.indexVersions : undefined;
  const place = `${model.name}.${field}`;
  const { rows, findings } = await counting(database, model, place, options, (limit) =>
    countTerms(database.dialect, model.map, { index, sources, table }, limit),
  );
  const groups = (rows ?? []).map(
    ([cell, version, count]): Group => ({
      cell: cell as CellClass,
      version: version === null ? null : String(version),
      rows: Number(count),
    }),
  );
  const faults = FAULTS.flatMap(({ id, message, has }) => {
    const faulty = groups.filter((group) => has(group, versions, index));
    const count = faulty.reduce((sum, group) => sum + group.rows, 0);
    return count === 0 ? [] : [finding(id, place, `${counted(count, 'row')} ${message}`, count)];
  });
  return [...findings, ...faults];
}
