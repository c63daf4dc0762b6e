import { open, rename, rm } from 'node:fs/promises';
import { sealStream } from '@fieldseal/backup';
import { decodeCell, FieldCipher, FieldsealError, type Keyring, type KeyView } from '@fieldseal/core';
import type { JobRow, RowKey, RowSource, StoredRow } from '@fieldseal/core/jobs';
import { modelTable, sqlRowPort, wholeTable } from '@fieldseal/prisma/jobs';
import { usage } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { Progress } from '../../doctor/progress.ts';
import { JobProject, PROJECT_OPTIONS, ROWS_SCOPE_OPTION } from '../../jobs/job-project.ts';

/** `fieldseal backup export` */
export const backupExport: Command = {
  name: 'backup export',
  summary: 'write rows in plaintext, encrypted for its recipients, for another system',
  details: [
    'Decrypts the rows of --model and writes them, one JSON object a line, into an age file; index columns are left out. Plaintext is written nowhere else.\n' +
      'Nothing is written without --decrypt and --recipient. Each row of a model with @scope is opened by the keys of its own scope. A value that does not open stops the export, and leaves no file.',
    'To move keys to another system, restore a backup there: it carries the keyring and the keys of a key store.',
  ],
  positionals: [],
  options: {
    ...PROJECT_OPTIONS,
    ...ROWS_SCOPE_OPTION,
    model: { value: 'name', help: 'the model whose rows are exported' },
    recipient: { value: 'age1…', help: 'who can read them; several are separated by commas' },
    out: { value: 'file', help: 'the age file; one that is there is not overwritten' },
    decrypt: { help: 'says that plaintext is meant' },
  },
  audit: 'command',
  run: exportRows,
};

/** Rows of a page. */
const PAGE = 500;

async function exportRows(input: CommandInput): Promise<Report> {
  const { model, recipient, out, decrypt, scope } = input.options;
  if (decrypt === undefined) throw usage(backupExport, 'plaintext is written only with --decrypt');
  if (model === undefined || recipient === undefined || out === undefined)
    throw usage(backupExport, '--model, --recipient and --out are needed');
  const progress = new Progress(input.io);
  let rows = 0;
  await JobProject.use(input, async (project) => {
    const keyring = await project.keyring();
    async function* lines(): AsyncGenerator<Uint8Array> {
      for await (const page of plainRows(project, keyring, model as string, scope)) {
        rows += page.length;
        progress.step(`${rows} rows`);
        yield Buffer.from(page.map((row) => `${JSON.stringify(row)}\n`).join(''));
      }
    }
    // Checks the recipients before a row is read.
    await writeNew(out, await sealStream(lines(), recipient.split(',')));
  }).finally(() => progress.end());
  return { lines: [`${out}: ${rows} rows of ${model}`], json: { out, model, rows } };
}

/** Rows with their cells opened, page by page; columns are named as in the database. */
async function* plainRows(
  project: JobProject,
  keyring: Keyring,
  model: string,
  scope: string | undefined,
): AsyncGenerator<readonly Readonly<Record<string, unknown>>[]> {
  const [schema, database] = [project.schema.text, project.database];
  const table = modelTable({ schema, model });
  const source = project.source(model, undefined, { scope });
  const port = sqlRowPort({ database, schema, models: [model] });
  const cipher = new FieldCipher();
  const terms = new Set(wholeTable(schema, model).terms.map(({ name }) => name));
  for (let after: RowKey | null = null; ; ) {
    const page: readonly JobRow[] = await source.read(database, { after, upTo: null }, PAGE, { what: 'all' });
    if (page.length === 0) return;
    const found = await port.find(
      model,
      page.map(({ key }) => key),
    );
    const whole = new Map(found.map((row) => [JSON.stringify(row.key), row]));
    const views = await keyring.resolveMany(keysOf(source, page));
    const open = (row: JobRow, at: number, stored: unknown): unknown => {
      const field = source.fields[at];
      if (field === undefined || stored === null || stored === undefined) return null;
      if (field.migrating && field.plaintext.is(stored)) return field.plaintext.read(stored);
      const { spec, bind } = field.form;
      const bound = bind.map((place) => row.bound[place]);
      if (bound.some((column) => column == null))
        throw new FieldsealError('ERR_BINDING', 'a column that a cell is bound to is NULL', spec);
      const cell = decodeCell(stored as string | Uint8Array);
      const binding = bind.length === 0 ? null : bound.flatMap((column) => (column == null ? [] : [column]));
      return cipher.decrypt(views.get(row.scope) as KeyView, [{ spec, cell, stored, binding }])[0];
    };
    yield page.flatMap((row) => {
      const stored = whole.get(JSON.stringify(row.key));
      return stored === undefined ? [] : [plainRow(stored, row)]; // deleted between the two readings
    });
    after = page.at(-1)?.key ?? null;

    function plainRow({ columns }: StoredRow, row: JobRow): Record<string, unknown> {
      const plain: Record<string, unknown> = {};
      for (const [name, text] of Object.entries(columns)) if (!terms.has(name)) plain[name] = text;
      for (const [at, { name }] of table.cells.entries()) {
        const value = row.cells[at];
        plain[name] =
          source.fields[at]?.list && Array.isArray(value)
            ? value.map((element) => shown(open(row, at, element)))
            : shown(open(row, at, value));
      }
      return plain;
    }
  }
}

/** Key ids of the cells by the scope that their row names. */
function keysOf({ fields }: RowSource, page: readonly JobRow[]): ReadonlyMap<string, ReadonlySet<string>> {
  const wanted = new Map<string, Set<string>>();
  for (const { scope, cells } of page) {
    const keyIds = wanted.get(scope) ?? new Set();
    wanted.set(scope, keyIds);
    for (const [at, cell] of cells.entries())
      for (const stored of (Array.isArray(cell) ? cell : [cell]) as readonly (
        | string
        | Uint8Array
        | null
        | undefined
      )[]) {
        const plain = fields[at]?.migrating && fields[at]?.plaintext.is(stored);
        if (stored !== null && stored !== undefined && !plain) keyIds.add(decodeCell(stored).keyId);
      }
  }
  return wanted;
}

/** A value as JSON has it: whole numbers of any size as text, bytes in base64. */
function shown(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

async function writeNew(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const failed = (cause: unknown): CliError =>
    new CliError('ERR_FILE_IO', `${path} cannot be written`, 'Choose a path where nothing is yet.', cause);
  const part = `${path}.part`;
  const [claim, file] = [
    await open(path, 'wx', 0o600).catch((cause: unknown) => {
      throw failed(cause);
    }),
    await open(part, 'w', 0o600).catch((cause: unknown) => {
      throw failed(cause);
    }),
  ];
  await claim.close();
  try {
    for await (const bytes of content) await file.write(bytes);
    await file.sync();
    await file.close();
    await rename(part, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    for (const left of [part, path]) await rm(left, { force: true });
    throw error;
  }
}
