import type { Database, Row } from './database.ts';
import { DatabaseProblem } from './database-problem.ts';
import type { Statement } from './dialect.ts';
import { type Finding, finding } from './finding.ts';
import type { KeyDirectory } from './key-directory.ts';
import type { NamedModel } from './structure-check.ts';

/** Rows that are looked at where a full count takes too long. */
const FALLBACK_ROWS = 100_000;

/** How rows are counted. */
export interface CountOptions {
  /** Rows of a sample that was asked for, or null for all. */
  readonly sample: number | null;
  /** Rows of the sample that is taken where all of them take too long. */
  readonly fallback?: number;
  /** Null when the keyring cannot be opened. */
  readonly keys: KeyDirectory | null;
}

/** An answer, or the findings that say why there is none. */
export interface Counted {
  readonly rows: readonly Row[] | null;
  /** Rows of the sample, or null when all were looked at. */
  readonly sample: number | null;
  readonly findings: readonly Finding[];
}

/**
 * Runs a count over all rows, or over a sample where one is asked for or all take too long.
 *
 * @param statement - the count over so many rows, or over all for null
 */
export async function counting(
  database: Database,
  model: NamedModel,
  place: string,
  { sample, fallback = FALLBACK_ROWS }: CountOptions,
  statement: (limit: number | null) => Statement,
): Promise<Counted> {
  let limit = sample;
  for (;;) {
    try {
      const rows = await database.rows(statement(limit));
      if (limit === null || counted(rows) < limit) return { rows, sample: null, findings: [] };
      return { rows, sample: limit, findings: [await sampled(database, model, place, limit)] };
    } catch (error) {
      if (!(error instanceof DatabaseProblem)) throw error;
      if (error.kind !== 'timeout' || limit !== null)
        return {
          rows: null,
          sample: limit,
          findings: [finding('rows.unread', place, `its rows were not counted: ${error.message}`)],
        };
      limit = fallback;
    }
  }
}

async function sampled(database: Database, { map }: NamedModel, place: string, limit: number): Promise<Finding> {
  const statement = database.dialect.estimate(map);
  const [row] = statement === null ? [] : await database.rows(statement).catch(() => []);
  const total = row?.[0] == null ? 0 : Number(row[0]);
  const of = total > limit ? ` of about ${total}` : '';
  return finding('rows.sampled', place, `only ${limit} rows${of} were looked at, the first that the database gives`);
}

/** Counts stand last in every row. */
function counted(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + Number(row.at(-1)), 0);
}
