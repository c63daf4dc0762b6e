import { FieldsealError } from '@fieldseal/core';
import type { RowPort, StoredRow, StoredRowChange } from '@fieldseal/core/jobs';
import type { BackupSource } from './create-backup.ts';
import { lineEntries } from './lines.ts';

/** Folder of the rows in an archive. */
export const ROWS_FOLDER = 'rows';

/** Which rows are restored, and what happens to one that is there and differs. */
export interface RowSelection {
  readonly models?: readonly string[];
  readonly scopes?: readonly string[];
  /** Key ids of those scopes: a row whose model names no tenant belongs to that of its cells, and one without cells to none. */
  readonly scopeKeys?: ReadonlySet<string>;
  readonly keyIds?: readonly string[];
  /** `newer` takes the row with the later time in `newerBy`, a column with an ISO time; a row without it counts as older. */
  readonly onConflict: 'fail' | 'skip' | 'overwrite' | 'newer';
  readonly newerBy?: string;
  readonly dryRun: boolean;
}

/** What restoring rows did, or would do, in rows. */
export interface RowsRestoration {
  /** Were not there. */
  readonly inserted: number;
  /** Were there and differed, and are as in the backup now. */
  readonly overwritten: number;
  /** Were there and differed, and stay. */
  readonly kept: number;
  /** Were there as they are in the backup. */
  readonly unchanged: number;
  /** Were not selected. */
  readonly skipped: number;
  /** Were there and differed, whatever was done. */
  readonly conflicts: number;
}

/** Rows that are looked up and written at once. */
const BATCH = 500;

/** The rows of a database, as they are stored: of every model of the port, or of those that are wanted. Counts the cells under each key. */
export function rowSource(port: RowPort, models: readonly string[] = port.models): BackupSource {
  const cells: Record<string, number> = {};
  async function* counted(model: string): AsyncGenerator<StoredRow> {
    for await (const row of port.read(model)) {
      for (const keyId of row.keyIds) cells[keyId] = (cells[keyId] ?? 0) + 1;
      yield row;
    }
  }
  return {
    entries: async function* () {
      for (const model of models) yield* lineEntries(`${ROWS_FOLDER}/${model}`, counted(model));
    },
    keys: () => cells,
  };
}

/**
 * Writes rows of a backup, in batches: what is not selected, or is there as it was, is not touched.
 *
 * @throws ERR_BACKUP_DAMAGED for what is no row, ERR_OPTIONS for a model that the port does not have, or `newer` without a column that there is
 */
export async function restoreRows(
  port: RowPort,
  source: AsyncIterable<{ readonly model: string; readonly rows: readonly unknown[] }>,
  selection: RowSelection,
): Promise<RowsRestoration> {
  if (selection.onConflict === 'newer' && selection.newerBy === undefined)
    throw new FieldsealError('ERR_OPTIONS', 'the newer row cannot be told without the column of its time');
  const counts = { inserted: 0, overwritten: 0, kept: 0, unchanged: 0, skipped: 0, conflicts: 0 };
  for await (const { model, rows } of source) {
    const wanted = selection.models?.includes(model) !== false;
    if (wanted && !port.models.includes(model))
      throw new FieldsealError('ERR_OPTIONS', 'the database has no such model', { model });
    const chosen = wanted ? rows.map(parseRow).filter((row) => isSelected(row, selection)) : [];
    counts.skipped += rows.length - chosen.length;
    for (let from = 0; from < chosen.length; from += BATCH)
      await restoreBatch(port, model, chosen.slice(from, from + BATCH), selection, counts);
  }
  return counts;
}

async function restoreBatch(
  port: RowPort,
  model: string,
  rows: readonly StoredRow[],
  selection: RowSelection,
  counts: { -readonly [K in keyof RowsRestoration]: number },
): Promise<void> {
  const found = await port.find(
    model,
    rows.map(({ key }) => key),
  );
  const present = new Map(found.map((row) => [JSON.stringify(row.key), row]));
  const writes: StoredRowChange[] = [];
  for (const row of rows) {
    const other = present.get(JSON.stringify(row.key));
    if (other === undefined) {
      counts.inserted++;
      writes.push({ row, before: null });
    } else if (isSame(row, other)) counts.unchanged++;
    else {
      counts.conflicts++;
      if (selection.onConflict === 'newer') refuseWithoutTime(model, other, selection.newerBy);
      if (wins(row, other, selection)) {
        counts.overwritten++;
        writes.push({ row, before: other });
      } else counts.kept++;
    }
  }
  if (!selection.dryRun && writes.length > 0) await port.write(model, writes);
}

function isSelected({ scope, keyIds }: StoredRow, selection: RowSelection): boolean {
  const { scopes, scopeKeys } = selection;
  const own = scope === undefined ? keyIds.some((keyId) => scopeKeys?.has(keyId)) : scopes?.includes(scope);
  if (scopes !== undefined && own !== true) return false;
  return selection.keyIds === undefined || keyIds.some((keyId) => selection.keyIds?.includes(keyId));
}

function isSame(one: StoredRow, other: StoredRow): boolean {
  return Object.entries(one.columns).every(([name, value]) => other.columns[name] === value);
}

/** A row without its time counts as older; a table without the column would keep all of them in silence. */
function refuseWithoutTime(model: string, { columns }: StoredRow, newerBy = ''): void {
  if (Object.hasOwn(columns, newerBy)) return;
  throw new FieldsealError('ERR_OPTIONS', `the model has no column ${newerBy} to tell the newer row by`, {
    model,
    hint: 'Name the column as it is called in the database.',
  });
}

function wins(row: StoredRow, other: StoredRow, { onConflict, newerBy = '' }: RowSelection): boolean {
  if (onConflict === 'overwrite') return true;
  if (onConflict !== 'newer') return false;
  const [mine, theirs] = [row, other].map(({ columns }) => Date.parse(columns[newerBy] ?? ''));
  return !Number.isNaN(mine) && (Number.isNaN(theirs) || (mine as number) > (theirs as number));
}

function parseRow(json: unknown): StoredRow {
  const { key, columns, scope, keyIds } = (json ?? {}) as Partial<Record<keyof StoredRow, unknown>>;
  const isTexts = (value: unknown): value is readonly string[] =>
    Array.isArray(value) && value.every((item) => typeof item === 'string');
  const sound =
    isTexts(key) &&
    isTexts(keyIds) &&
    typeof columns === 'object' &&
    columns !== null &&
    Object.values(columns).every((value) => value === null || typeof value === 'string');
  if (!sound || (scope !== undefined && typeof scope !== 'string'))
    throw new FieldsealError('ERR_BACKUP_DAMAGED', 'a row of the backup cannot be read');
  return { key, keyIds, columns: columns as StoredRow['columns'], ...(scope === undefined ? {} : { scope }) };
}
