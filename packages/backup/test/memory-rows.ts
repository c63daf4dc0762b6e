import type { RowPort, StoredRow } from '../src/index.ts';

/** Rows in memory. */
export interface MemoryRows extends RowPort {
  readonly tables: Map<string, Map<string, StoredRow>>;
  /** Batches that were written. */
  readonly written: StoredRow[][];
}

/** A row port over rows in memory; `after` is called before each batch is written and may throw. */
export function memoryRows(
  models: Readonly<Record<string, readonly StoredRow[]>>,
  before: () => void = () => undefined,
): MemoryRows {
  const tables = new Map(
    Object.entries(models).map(([model, rows]) => [model, new Map(rows.map((row) => [JSON.stringify(row.key), row]))]),
  );
  const table = (model: string) => tables.get(model) as Map<string, StoredRow>;
  const written: StoredRow[][] = [];
  return {
    tables,
    written,
    models: Object.keys(models),
    read: async function* (model) {
      yield* table(model).values();
    },
    find: async (model, keys) =>
      keys.flatMap((key) => {
        const row = table(model).get(JSON.stringify(key));
        return row === undefined ? [] : [row];
      }),
    write: async (model, changes) => {
      before();
      written.push(changes.map(({ row }) => row));
      for (const { row } of changes) table(model).set(JSON.stringify(row.key), row);
    },
  };
}

/** A row with one cell. */
export function rowOf(
  id: string,
  email: string | null,
  more: { readonly scope?: string; readonly keyId?: string; readonly at?: string } = {},
): StoredRow {
  const { scope, keyId, at = '2026-01-01T00:00:00.000Z' } = more;
  return {
    key: [id],
    columns: { id, email, updated: at },
    keyIds: keyId === undefined ? [] : [keyId],
    ...(scope !== undefined && { scope }),
  };
}
