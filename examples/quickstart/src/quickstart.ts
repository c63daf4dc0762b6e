import { join } from 'node:path';
import type { Environment } from '@fieldseal/core';
import { openClinic, storeRows } from './clinic.ts';
import type { Database } from './database.ts';
import { type ImportFile, importPeople, readImportFile } from './import-people.ts';
import { deleteKeys, type Keys, openKeys } from './keys.ts';
import { makeUpClinic } from './made-up-people.ts';
import { migrate } from './migrate.ts';
import type { Options } from './options.ts';
import { dropPostgresql, openPostgresql } from './postgresql.ts';
import { Problem } from './problem.ts';
import { count, plural, type Screen, shownPath, table } from './screen.ts';
import { deleteSqlite, openSqlite } from './sqlite.ts';
import { countCells, type Shown, type Step, type Tour } from './step.ts';
import { nestedRead } from './steps/nested-read.ts';
import { refusedFilter } from './steps/refused-filter.ts';
import { rotation } from './steps/rotation.ts';
import { rows } from './steps/rows.ts';
import { scan } from './steps/scan.ts';
import { search } from './steps/search.ts';
import { timing } from './steps/timing.ts';
import { update } from './steps/update.ts';

/** The tour, in order. */
const STEPS: readonly Step[] = [rows, search, nestedRead, update, refusedFilter, rotation, scan, timing];

/** Bad lines shown on the screen; --json has them all. */
const BAD_LINES_SHOWN = 8;

/** Sets everything up, goes through the tour, and returns all results. Every section goes to the screen as soon as it is known. */
export async function quickstart(options: Options, env: Environment, screen: Screen): Promise<Record<string, object>> {
  const { url } = options;
  const folder = join(options.data, url === undefined ? 'sqlite' : 'postgresql');
  // Read first: a mistyped path should leave nothing behind.
  const people = options.importFile === undefined ? undefined : await readImportFile(options.importFile);
  if (options.reset) await reset(folder, url);
  const databases = url === undefined ? await openSqlite(folder) : await openPostgresql(url);
  try {
    const results: Record<string, object> = {};
    const show = (name: string, title: string, { lines, json }: Shown): void => {
      results[name] = json;
      screen.section(title, lines);
    };
    const migrations = await Promise.all([databases.clinic, databases.twin].map(migrate));
    const keys = await openKeys(folder, env, await countCells(databases.clinic));
    try {
      show('setUp', 'Fieldseal quickstart', describeSetUp(databases.clinic, keys, migrations.flat().length > 0));
      const tour: Tour = { ...databases, prisma: openClinic(databases.clinic, keys.keyring), keyring: keys.keyring };
      show('data', 'Data', await fill(tour, people, options.count));
      for (const step of STEPS) show(step.name, step.title, await step.run(tour));
    } finally {
      keys.keyring.close();
    }
    return results;
  } finally {
    await Promise.all([databases.clinic.close(), databases.twin.close()]);
  }
}

async function reset(folder: string, url: string | undefined): Promise<void> {
  // The data goes first: a keyring must not be missing while rows need it.
  await (url === undefined ? deleteSqlite(folder) : dropPostgresql(url));
  await deleteKeys(folder);
}

function describeSetUp(
  { label, provider }: Database,
  { keyring, path, source, recoveryKey }: Keys,
  migrated: boolean,
): Shown {
  const created = recoveryKey !== undefined;
  const lines = [
    ...table([
      ['database', `${label}${migrated ? ', migrated' : ''}`],
      ['keyring', `${shownPath(path)}${created ? ', created' : ', there already'}`],
      ['key', source],
      ...(created ? [['recovery key', recoveryKey]] : []),
    ]),
    ...(created
      ? ['Keep the recovery key apart from this machine: it opens the keyring without the key, and is shown this once.']
      : []),
  ];
  const json = {
    provider,
    database: label,
    migrated,
    keyring: shownPath(path),
    keyringId: keyring.id,
    created,
    keySource: source,
  };
  return { lines, json: { ...json, ...(created && { recoveryKey }) } };
}

/** Fills the databases if they are empty, or imports the user's file. The twin only ever gets people that are made up. */
async function fill({ prisma, twin }: Tour, file: ImportFile | undefined, people: number): Promise<Shown> {
  const report = file === undefined ? undefined : await importPeople(prisma, file);
  const there = await prisma.patient.count();
  const inserted = report === undefined && there === 0;
  if (there === 0 && report !== undefined) {
    const [first] = report.bad;
    const reason = first === undefined ? 'it has no line below its header' : `line ${first.line}: ${first.reason}`;
    throw new Problem(
      'usage',
      `no person could be imported from ${report.file} (${reason})`,
      'See npm start -- --help for the columns.',
    );
  }
  const rows = makeUpClinic(people);
  if (inserted) await storeRows(prisma, rows);
  if ((await twin.client.patient.count()) === 0) await storeRows(twin.client, rows);
  const totals = { patients: await prisma.patient.count(), visits: await prisma.visit.count() };
  const what = `${plural(totals.patients, 'patient')} with ${plural(totals.visits, 'visit')}`;
  const lines = [
    ...(report === undefined ? [] : importLines(report)),
    inserted
      ? `${what} made up and stored; 8 fields of 3 models are encrypted`
      : `${what} there${report === undefined ? ' already; nothing was inserted' : ''}`,
  ];
  return { lines, json: { ...totals, inserted, ...(report !== undefined && { import: report }) } };
}

function importLines({ file, lines, imported, bad }: Awaited<ReturnType<typeof importPeople>>): string[] {
  const more = bad.length - BAD_LINES_SHOWN;
  return [
    `${file}: ${plural(lines, 'line')} = ${count(imported)} imported + ${count(bad.length)} bad`,
    ...bad.slice(0, BAD_LINES_SHOWN).map(({ line, reason }) => `  line ${line}: ${reason}`),
    ...(more > 0 ? [`  and ${count(more)} more, which --json lists`] : []),
  ];
}
