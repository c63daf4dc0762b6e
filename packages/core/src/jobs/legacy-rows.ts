import { FieldsealError } from '../errors.ts';
import {
  isLegacyStored,
  type LegacyPlaintext,
  type LegacyReader,
  legacyError,
  legacyStored,
  type RemoteLegacyReader,
  unrecognized,
} from '../legacy-reader.ts';
import type { JobField, JobRow, PlaintextCodec, RowSource } from './row-source.ts';

/** Options of {@link legacyRows}. */
export interface LegacyRowsOptions {
  /**
   * What becomes of values that no reader recognizes. `refuse`, the default, sets their rows apart; `accept` takes them for plaintext, as
   * where the other system encrypted new rows only. A damaged value that lost its form would be taken for plaintext too.
   */
  readonly unrecognized?: 'refuse' | 'accept';
}

/** Readers by field of the model; several for a field that holds several formats. */
export type LegacyReaders = Readonly<Record<string, AnyReader | readonly AnyReader[]>>;

type AnyReader = LegacyReader | RemoteLegacyReader;

/**
 * A row source whose fields hold what another system encrypted: a `backfill` job opens it and writes cells in its place. Fields need
 * `mode: migrating`; those without a reader are left as they are.
 *
 * Values that do not open are quarantined with their row, and stay as they are.
 *
 * @example
 * ```ts
 * const source = legacyRows(prismaRows(plain, 'User'), { email: prismaFieldEncryption({ keys: [key] }) });
 * const jobs = new JobEngine({ source, keys: keyring });
 * await jobs.work(await jobs.start({ kind: 'backfill' }));
 * ```
 * @throws ERR_OPTIONS for a reader of a field that the source does not work on, or without `mode: migrating`
 */
export function legacyRows(source: RowSource, readers: LegacyReaders, options: LegacyRowsOptions = {}): RowSource {
  const { model } = source;
  for (const field of Object.keys(readers)) {
    const known = source.fields.find(({ form }) => form.spec.field === field);
    if (known?.migrating === true) continue;
    const what =
      known === undefined
        ? 'the source does not work on a field that has a reader'
        : 'a field has a reader and is not being migrated';
    throw new FieldsealError('ERR_OPTIONS', what, {
      model,
      field,
      hint: 'Give it mode: migrating, or leave its reader out.',
    });
  }
  const accept = options.unrecognized === 'accept';
  const columns = source.fields.flatMap((field, at): LegacyColumn[] => {
    const given = Object.hasOwn(readers, field.form.spec.field) ? readers[field.form.spec.field] : undefined;
    const list: readonly AnyReader[] = given === undefined ? [] : 'format' in given ? [given] : given;
    return list.length === 0 ? [] : [{ at, field, readers: list, accept }];
  });
  const fields = source.fields.map((field, at) => {
    const column = columns.find((legacy) => legacy.at === at);
    return column === undefined ? field : { ...field, plaintext: codecOf(column) };
  });
  return {
    model,
    scope: source.scope,
    fields,
    database: source.database,
    ranges: (rows) => source.ranges(rows),
    read: async (...asked) => {
      const rows = await source.read(...asked);
      return opened(rows, columns);
    },
    swap: (session, changes) => source.swap(session, changes),
    census: (session) => source.census(session),
    fingerprint: (session) => source.fingerprint(session),
  };
}

/** Bytes of the value that was opened, or 0 for any other value. @internal */
export function legacyBytes(stored: unknown): number {
  return stored instanceof OpenedValue ? stored.bytes : 0;
}

/** A column that another system wrote. */
interface LegacyColumn {
  /** Place of the field in the source. */
  readonly at: number;
  readonly field: JobField;
  readonly readers: readonly AnyReader[];
  readonly accept: boolean;
}

/** What stands in a row in place of a foreign value, so that its plaintext is never taken for something stored. */
class OpenedValue {
  readonly #content: LegacyPlaintext | FieldsealError;
  readonly bytes: number;

  constructor(content: LegacyPlaintext | FieldsealError, bytes: number) {
    this.#content = content;
    this.bytes = bytes;
  }

  /** As a column would hold it in plaintext. Throws what lies in the value. */
  read({ form: { spec }, plaintext }: JobField): unknown {
    if (this.#content instanceof FieldsealError) throw this.#content;
    return plaintext.read(legacyStored(spec, this.#content));
  }
}

function codecOf({ field, readers, accept }: LegacyColumn): PlaintextCodec {
  return {
    is: (stored) => stored instanceof OpenedValue || field.plaintext.is(stored),
    read: (stored) => (stored instanceof OpenedValue ? stored.read(field) : field.plaintext.read(stored)),
    write: (value) => field.plaintext.write(value),
    origin: [...readers.map(({ format }) => format), ...(accept ? ['plaintext'] : [])].join(' '),
  };
}

/** One foreign value, and where it stands. */
interface Found {
  readonly row: number;
  readonly column: LegacyColumn;
  readonly element: number | null;
  readonly stored: LegacyPlaintext;
  readonly reader: AnyReader | undefined;
}

async function opened(rows: readonly JobRow[], columns: readonly LegacyColumn[]): Promise<readonly JobRow[]> {
  const found = rows.flatMap((row, at) => columns.flatMap((column) => foreignIn(row, at, column)));
  const contents = new Map<Found, LegacyPlaintext | FieldsealError>();
  for (const reader of new Set(found.map((value) => value.reader))) {
    const values = found.filter((value) => value.reader === reader);
    const answers = await openWith(reader, values);
    for (const [at, value] of values.entries()) contents.set(value, answers[at] ?? legacyError(null));
  }
  const cells = rows.map((row) => [...row.cells]);
  for (const [{ row, column, element, stored }, content] of contents) {
    const value = new OpenedValue(content, stored.length);
    const own = cells[row] as unknown[];
    if (element === null) own[column.at] = value;
    else own[column.at] = (own[column.at] as readonly unknown[]).map((known, at) => (at === element ? value : known));
  }
  return rows.map((row, at) => ({ ...row, cells: cells[at] as unknown[] }));
}

/** Values of a column that are neither NULL nor cells. Those that no reader knows are among them, unless they are accepted as plaintext. */
function foreignIn({ cells }: JobRow, row: number, column: LegacyColumn): Found[] {
  const { field, readers, accept, at } = column;
  const content = cells[at];
  const one = (stored: unknown, element: number | null): Found[] => {
    if (stored === null || stored === undefined || !field.plaintext.is(stored)) return [];
    const readable = isLegacyStored(stored);
    const reader = readable ? readers.find((known) => known.recognizes(stored)) : undefined;
    if (reader === undefined && accept) return [];
    return [{ row, column, element, stored: readable ? stored : '', reader }];
  };
  return field.list && Array.isArray(content) ? content.flatMap(one) : one(content, null);
}

async function openWith(
  reader: AnyReader | undefined,
  values: readonly Found[],
): Promise<readonly (LegacyPlaintext | FieldsealError)[]> {
  if (reader === undefined) return values.map(() => unrecognized());
  if ('openAll' in reader) {
    const answers = await reader.openAll(values.map(({ stored }) => stored));
    return answers.map((answer) => (answer instanceof Error ? legacyError(answer) : answer));
  }
  return values.map(({ stored }) => {
    try {
      return reader.open(stored);
    } catch (error) {
      return legacyError(error);
    }
  });
}
