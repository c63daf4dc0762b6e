import { open, rename, rm } from 'node:fs/promises';
import { sealStream } from '@fieldseal/backup';
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
    '`backup import` reads the file. To move keys to another system, restore a backup there: it carries the keyring and the keys of a key store.',
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

async function exportRows(input: CommandInput): Promise<Report> {
  const { model, recipient, out, decrypt, scope } = input.options;
  if (decrypt === undefined) throw usage(backupExport, 'plaintext is written only with --decrypt');
  if (model === undefined || recipient === undefined || out === undefined)
    throw usage(backupExport, '--model, --recipient and --out are needed');
  const progress = new Progress(input.io);
  let count = 0;
  await JobProject.use(input, async (project) => {
    const rows = await project.plainRows(model, scope);
    async function* lines(): AsyncGenerator<Uint8Array> {
      for await (const page of rows.read()) {
        count += page.length;
        progress.step(`${count} rows`);
        yield Buffer.from(page.map((row) => `${JSON.stringify(row)}\n`).join(''));
      }
    }
    // Checks the recipients before a row is read.
    await writeNew(out, await sealStream(lines(), recipient.split(',')));
  }).finally(() => progress.end());
  const warnings = count > 0 ? [] : ['no row was exported: check --model and --scope'];
  return { lines: [`${out}: ${count} rows of ${model}`], json: { out, model, rows: count }, warnings };
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
