import { open } from 'node:fs/promises';
import { openStream } from '@fieldseal/backup';
import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import type { PlainRow, PlainRows, PlainWrites } from '@fieldseal/prisma/jobs';
import { usage } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { Progress } from '../../doctor/progress.ts';
import { JobProject, PROJECT_OPTIONS, ROWS_SCOPE_OPTION } from '../../jobs/job-project.ts';
import { table } from '../../table.ts';
import { IDENTITY_OPTIONS, identitiesOf } from './request.ts';

/** `fieldseal backup import` */
export const backupImport: Command = {
  name: 'backup import',
  summary: 'take rows in that were exported in plaintext, encrypted under the keys that are here',
  details: [
    'Reads the age file that `backup export` wrote, or another system: one JSON object a line, by the names of the columns in the database. Values of encrypted\n' +
      'fields become cells under the primary key of their scope, with new index terms. Index columns are not named.',
    'The whole file is checked first. Shows what would be written; --apply does it, a few hundred rows at a time: where it stops, what was written stays, and\n' +
      '--on-conflict skip goes on.',
  ],
  positionals: [],
  options: {
    ...PROJECT_OPTIONS,
    ...ROWS_SCOPE_OPTION,
    model: { value: 'name', help: 'the model that the rows belong to' },
    in: { value: 'file', help: 'the age file' },
    ...IDENTITY_OPTIONS,
    'on-conflict': {
      value: 'policy',
      help: 'what happens to a row whose key is there; fail by default',
      choices: ['fail', 'skip', 'overwrite'],
    },
    apply: { help: 'write; without it nothing is changed' },
  },
  audit: 'command',
  run: importRows,
};

/** Rows of a transaction. */
const BATCH = 200;

async function importRows(input: CommandInput): Promise<Report> {
  const { model, in: path, scope, identity, 'on-conflict': onConflict = 'fail' } = input.options;
  if (model === undefined || path === undefined || identity === undefined)
    throw usage(backupImport, '--model, --in and --identity are needed');
  const writes: PlainWrites = {
    onConflict: onConflict as PlainWrites['onConflict'],
    dryRun: !('apply' in input.options),
  };
  const lines = { path, identities: await identitiesOf(input) };
  const progress = new Progress(input.io);
  const counts = await JobProject.use(input, async (project) => {
    const rows = await project.plainRows(model, scope);
    let checked = 0;
    for await (const line of linesOf(lines)) {
      try {
        rows.check(rowOf(line.text));
      } catch (error) {
        throw atLine(line.number, error);
      }
      if (++checked % BATCH === 0) progress.step(`${checked} rows checked`);
    }
    return write(rows, linesOf(lines), writes, progress);
  }).finally(() => progress.end());
  const done = (will: string, was: string): string => (writes.dryRun ? will : was);
  return {
    lines: [
      ...table([
        [done('would be written', 'written'), String(counts.inserted)],
        [done('would be replaced', 'replaced'), String(counts.overwritten)],
        ['are there already', String(counts.kept)],
        ...(scope === undefined ? [] : [['of other scopes', String(counts.skipped)]]),
      ]),
      ...(writes.dryRun ? ['', 'Nothing was written. Say --apply to write.'] : []),
    ],
    json: { model, in: path, applied: !writes.dryRun, ...counts },
  };
}

/** Writes all rows, batch by batch. */
async function write(
  rows: PlainRows,
  lines: AsyncIterable<Line>,
  writes: PlainWrites,
  progress: Progress,
): Promise<Record<'inserted' | 'overwritten' | 'kept' | 'skipped', number>> {
  const counts = { inserted: 0, overwritten: 0, kept: 0, skipped: 0 };
  let batch: PlainRow[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const done = await rows.write(batch, writes).catch((error: unknown) => {
      throw stopped(error, counts.inserted + counts.overwritten);
    });
    for (const name of ['inserted', 'overwritten', 'kept', 'skipped'] as const) counts[name] += done[name];
    batch = [];
    progress.step(`${counts.inserted + counts.overwritten} rows`);
  };
  for await (const { text } of lines) {
    batch.push(rowOf(text) as PlainRow);
    if (batch.length === BATCH) await flush();
  }
  await flush();
  return counts;
}

interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** Lines of the file that are not empty. They end with a line feed alone: other ends of lines may stand in a JSON text. */
async function* linesOf({
  path,
  identities,
}: {
  readonly path: string;
  readonly identities: readonly string[];
}): AsyncGenerator<Line> {
  const file = await open(path).catch((cause: unknown) => {
    throw new CliError('ERR_FILE_IO', `${path} cannot be read`, 'Check the path and its permissions.', cause);
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let number = 0;
  try {
    for await (const bytes of openStream(file.createReadStream({ autoClose: false }), identities)) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      for (const text of parts) if (++number > 0 && text !== '') yield { number, text };
    }
    rest += decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw atLine(number + 1, new FieldsealError('ERR_OPTIONS', 'the text is no UTF-8'));
    throw error;
  } finally {
    await file.close();
  }
  if (rest !== '') yield { number: number + 1, text: rest };
}

function rowOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FieldsealError('ERR_OPTIONS', 'a row is no JSON object'); // the message of the parser quotes the text
  }
}

/** The error of a line, by its number. */
function atLine(number: number, error: unknown): unknown {
  return retold(error, (summary) => `line ${number}: ${summary}`);
}

/** The error of a batch, with what was written before it. */
function stopped(error: unknown, written: number): unknown {
  if (written === 0) return error;
  return retold(
    error,
    (summary) => `${summary}; ${written} rows were written before`,
    'With --on-conflict skip it goes on.',
  );
}

/** An error of ours with another summary, and more to do about it. */
function retold(error: unknown, summarize: (summary: string) => string, more = ''): unknown {
  if (!isFieldsealError(error)) return error;
  const { code, summary, model, field, hint } = error;
  return new FieldsealError(code, summarize(summary), { model, field, hint: `${hint} ${more}`.trim(), cause: error });
}
