import { readFile, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { isFieldsealError } from '@fieldseal/core';
import { applyEdits, finishSchema, rewriteSchema, unifiedDiff } from '@fieldseal/migrate';
import { readSchemaMap } from '@fieldseal/prisma/internal';
import { CliError } from '../cli-error.ts';
import type { Command, CommandInput, Report } from '../command.ts';
import { schemaPaths, unreadable } from '../schema-file.ts';

/** `fieldseal migrate schema` */
export const migrateSchema: Command = {
  name: 'migrate schema',
  summary: "rewrite prisma-field-encryption's annotations into Fieldseal's",
  details: [
    'Shows a diff, and changes nothing without --write. @encrypted becomes @encrypted(mode: migrating), and beside each column of hashes comes\n' +
      'a column for the terms of an index. Run it once more with --finish when `fieldseal migrate work` has encrypted all rows: that takes the\n' +
      'mode and the columns of hashes out.',
    'Ends with 1 when the schema that it would write is none that Fieldseal accepts; what has to be done by hand is told either way.',
  ],
  positionals: [],
  options: {
    schema: {
      value: 'path',
      help: 'schema file or folder; prisma/schema.prisma, schema.prisma or prisma/schema by default',
    },
    write: { help: 'change the files' },
    finish: { help: 'the last step: strict fields, and no columns of hashes' },
  },
  audit: 'none',
  run: rewrite,
};

async function rewrite({ options }: CommandInput): Promise<Report> {
  const step = 'finish' in options ? finishSchema : rewriteSchema;
  const paths = await schemaPaths(options['schema']);
  const files = await Promise.all(
    paths.map(async (path) => {
      const text = await readFile(path, 'utf8').catch(unreadable(path));
      const rewritten = step(text);
      return { path, text, ...rewritten, after: applyEdits(text, rewritten.edits) };
    }),
  );
  const changed = files.filter(({ edits }) => edits.length > 0);
  const problem = problemIn(files.map(({ after }) => after).join('\n'));
  const write = 'write' in options && problem === null;
  if (write) for (const { path, after } of changed) await writeFile(path, after).catch(unwritable(path));
  const notes = files.flatMap((file) => file.notes);
  const diff = changed.flatMap(({ path, text, edits }) => unifiedDiff(relative('.', path), text, edits));
  return {
    lines: [...diff, ...endLines(changed.length, write)],
    warnings: [
      ...notes,
      ...(problem === null ? [] : [`The schema would not be accepted, and was not written: ${problem}`]),
    ],
    json: {
      written: write,
      files: changed.map(({ path }) => path),
      fields: files.flatMap(({ fields }) => fields),
      notes,
      problem,
      diff,
    },
    exitCode: problem === null ? 0 : 1,
  };
}

function endLines(files: number, written: boolean): string[] {
  if (files === 0) return ['There is nothing to rewrite.'];
  return [
    written
      ? `${files} files were written. Now make a migration, and deploy.`
      : 'Nothing was changed. With --write the files are.',
  ];
}

/** Why our own parser refuses a schema, or null. */
function problemIn(text: string): string | null {
  try {
    readSchemaMap(text);
    return null;
  } catch (error) {
    if (isFieldsealError(error)) return error.message;
    throw error;
  }
}

function unwritable(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new CliError('ERR_FILE_IO', `${path} cannot be written`, 'Check its permissions.', cause);
  };
}
