import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import type { Clinic } from './clinic.ts';
import type { Person } from './person.ts';
import { Problem } from './problem.ts';

/** Line of the import file that was not taken, and why. Its content is shown nowhere. */
export interface BadLine {
  readonly line: number;
  readonly reason: string;
}

/** What became of the lines of an import file: `lines` = `imported` + number of bad lines. */
export interface ImportReport {
  readonly file: string;
  /** Lines with anything on them, without the header. */
  readonly lines: number;
  readonly imported: number;
  readonly bad: readonly BadLine[];
}

const COLUMNS = ['name', 'email', 'phone', 'address', 'city', 'notes'] as const;
const REQUIRED: readonly string[] = ['name', 'email'];
const NEWLINE = 0x0a;
const CHUNK = 500;

type Columns = Partial<Record<(typeof COLUMNS)[number], string>>;
type Candidate = Person & { readonly line: number };

/** A CSV file whose header was understood. */
export interface ImportFile {
  readonly file: string;
  readonly columns: readonly string[];
  /** The lines below the header. */
  readonly lines: readonly Line[];
}

/** Reads a CSV file. Throws a Problem when that fails or its header names the wrong columns. */
export async function readImportFile(file: string): Promise<ImportFile> {
  const lines = await readLines(file);
  const [header, ...rest] = lines;
  if (header === undefined)
    throw new Problem('usage', `${file} is empty`, 'Its first line names the columns: name,email,phone');
  return { file, columns: readHeader(file, header), lines: rest };
}

/**
 * Imports people. Every line is one person: a quote that is not closed spoils its own line and not the rest of the file. Bad lines are left
 * out and reported; the others are stored.
 */
export async function importPeople(clinic: Clinic, { file, columns, lines }: ImportFile): Promise<ImportReport> {
  const bad: BadLine[] = [];
  const candidates = readCandidates(columns, lines, bad);
  let imported = 0;
  for (let at = 0; at < candidates.length; at += CHUNK)
    imported += await store(clinic, candidates.slice(at, at + CHUNK), bad);
  bad.sort((a, b) => a.line - b.line);
  return { file, lines: lines.length, imported, bad };
}

interface Line {
  readonly number: number;
  readonly bytes: Buffer;
}

/** The lines that hold anything. */
async function readLines(file: string): Promise<Line[]> {
  const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new Problem(
      'usage',
      `${file} cannot be read (${error.code ?? 'unknown reason'})`,
      'Give the path of a CSV file to --import.',
    );
  });
  const lines: Line[] = [];
  for (let start = 0, number = 1; start < content.length; number++) {
    const found = content.indexOf(NEWLINE, start);
    const end = found < 0 ? content.length : found;
    const bytes = content.subarray(start, end);
    if (bytes.some((byte) => byte > 0x20)) lines.push({ number, bytes });
    start = end + 1;
  }
  return lines;
}

function readHeader(file: string, line: Line): string[] {
  const names = fields(line);
  if (typeof names === 'string')
    throw new Problem('usage', `the header of ${file} cannot be read: ${names}`, 'Write it as name,email,phone');
  const columns = names.map((name) => name.trim().toLowerCase());
  const missing = REQUIRED.find((name) => !columns.includes(name));
  if (missing !== undefined)
    throw new Problem(
      'usage',
      `${file} has no column ${missing}`,
      `Name the columns in the first line: ${COLUMNS.join(', ')}`,
    );
  // A column that has no place would be lost in silence.
  const unknown = columns.find((name, at) => !COLUMNS.some((known) => known === name) || columns.indexOf(name) !== at);
  if (unknown === undefined) return columns;
  throw new Problem(
    'usage',
    `${file} has a column that is unknown or named twice: ${unknown || '(without a name)'}`,
    `Known are ${COLUMNS.join(', ')}.`,
  );
}

function readCandidates(columns: readonly string[], lines: readonly Line[], bad: BadLine[]): Candidate[] {
  const seen = new Map<string, number>();
  const candidates: Candidate[] = [];
  for (const line of lines) {
    const read = readPerson(columns, line);
    const earlier = typeof read === 'string' ? undefined : seen.get(read.email.toLowerCase());
    if (typeof read === 'string') bad.push({ line: line.number, reason: read });
    else if (earlier !== undefined)
      bad.push({ line: line.number, reason: `the e-mail address stands on line ${earlier} already` });
    else {
      seen.set(read.email.toLowerCase(), line.number);
      candidates.push({ ...read, line: line.number });
    }
  }
  return candidates;
}

/** The person on a line, or what is wrong with it. */
function readPerson(columns: readonly string[], line: Line): Person | string {
  const cells = fields(line);
  if (typeof cells === 'string') return cells;
  if (cells.length !== columns.length) return `${cells.length} columns instead of ${columns.length}`;
  const row: Columns = Object.fromEntries(columns.map((name, at) => [name, cells[at]?.trim() ?? '']));
  const { name = '', email = '', phone, address, city, notes } = row;
  if (name === '') return 'the name is empty';
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) return 'the e-mail address is none';
  return {
    id: randomUUID(),
    name,
    email,
    phone: phone || null,
    address: address || null,
    notes: notes || null,
    city: city ?? '',
  };
}

/** The cells of a line, or what is wrong with it. */
function fields({ bytes, number }: Line): string[] | string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: number !== 1 }).decode(bytes);
  } catch {
    return 'it is not UTF-8';
  }
  try {
    const [cells = []] = parse(text, { relax_column_count: true }) as string[][];
    return cells;
  } catch {
    return 'a quote is not closed, or stands in the wrong place';
  }
}

/** Stores people, without those whose e-mail address is in the database already, and returns how many. */
async function store(clinic: Clinic, candidates: readonly Candidate[], bad: BadLine[]): Promise<number> {
  const known = await clinic.patient.findMany({
    where: { email: { in: candidates.map(({ email }) => email) } },
    select: { email: true },
  });
  const taken = new Set(known.map(({ email }) => email.trim().toLowerCase()));
  const fresh = candidates.filter(({ email, line }) => {
    if (!taken.has(email.toLowerCase())) return true;
    bad.push({ line, reason: 'the e-mail address is in the database already' });
    return false;
  });
  await clinic.patient.createMany({ data: fresh.map(({ line: _, ...person }) => person) });
  return fresh.length;
}
