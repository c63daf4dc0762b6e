#!/usr/bin/env node
/**
 * Checks the known answers of spec/vectors, or of another folder. Exit codes: 0 all came out as given, 1 one did not, 2 wrong usage, or a
 * file that is no vector file.
 *
 * @module
 */
import { parseArgs } from 'node:util';
import { FieldsealTestError } from '../testkit-error.ts';
import { runVectorFolder, type VectorFileResult } from './vector-folder.ts';

const HELP = `Usage: npm run -s vectors -- <folder> [--json]

Checks every *.json of the folder against this implementation, with every engine: cells, texts that must be refused,
wrapped DEKs and blind index terms, as in spec/vectors.

  --json   print the results as JSON
  --help   print this

Exit code: 0 all came out as given, 1 one did not, 2 wrong usage or a file that is no vector file.
`;

function report(results: readonly VectorFileResult[]): string {
  return results
    .flatMap(({ file, total, passed, failures }) => [
      `${file}: ${passed} of ${total}`,
      ...failures.map(
        ({ number, comment, engine, reason }) => `  case ${number} (${comment || 'no comment'}), ${engine}: ${reason}`,
      ),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

/** Folder and flags; null for wrong usage. */
function usage(args: readonly string[]): { folder: string; json: boolean; help: boolean } | null {
  try {
    const options = { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [folder] = positionals;
    if (values.help) return { folder: '', json: false, help: true };
    return folder === undefined || positionals.length > 1 ? null : { folder, json: values.json, help: false };
  } catch {
    return null;
  }
}

async function main(args: readonly string[]): Promise<number> {
  const options = usage(args);
  if (options === null) {
    process.stderr.write(HELP);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    const results = await runVectorFolder(options.folder);
    process.stdout.write(options.json ? `${JSON.stringify(results, null, 2)}\n` : report(results));
    return results.every(({ failures }) => failures.length === 0) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof FieldsealTestError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
