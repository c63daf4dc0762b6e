/**
 * What the rows of an encrypted column hold: cells, plaintext, and under which keys.
 *
 * @module
 */
import { isSuite, TEXT_PREFIX } from '@fieldseal/core';
import type { EncryptedFieldMap } from '@fieldseal/prisma/internal';
import { type CountOptions, counting } from './counting.ts';
import type { Database } from './database.ts';
import { counted, type Finding, finding } from './finding.ts';
import type { KeyDirectory } from './key-directory.ts';
import { type CellClass, countCells } from './row-counts.ts';
import type { NamedModel } from './structure-check.ts';

/** Unknown keys that are named; all are counted. */
const MAX_NAMED = 5;

/** What one encrypted column holds. For a list its elements are counted. */
export interface FieldCount {
  /** `Model.field` */
  readonly field: string;
  readonly values: number;
  readonly encrypted: number;
  readonly plaintext: number;
  /** Rows that were looked at, or null when it was all of them. */
  readonly sample: number | null;
}

/** Counts one encrypted column. */
export async function checkCells(
  database: Database,
  model: NamedModel,
  field: string,
  options: CountOptions,
): Promise<{ readonly findings: readonly Finding[]; readonly count: FieldCount | null }> {
  const map = model.map.encrypted[field] as EncryptedFieldMap;
  const place = `${model.name}.${field}`;
  const answer = await counting(database, model, place, options, (limit) =>
    countCells(database.dialect, model.map, map, limit),
  );
  if (answer.rows === null) return { findings: answer.findings, count: null };
  const of = new Map<CellClass, number>();
  const keys = new Map<string, number>();
  for (const [kind, head, count] of answer.rows) {
    const keyId = kind === 'cell' ? keyIdOf(map.column, String(head)) : null;
    const seen: CellClass = kind === 'cell' && keyId === null ? 'damaged' : (kind as CellClass);
    of.set(seen, (of.get(seen) ?? 0) + Number(count));
    if (keyId !== null) keys.set(keyId, (keys.get(keyId) ?? 0) + Number(count));
  }
  const [encrypted, damaged, plaintext] = [of.get('cell') ?? 0, of.get('damaged') ?? 0, of.get('plain') ?? 0];
  const values = encrypted + damaged + plaintext;
  const findings = [
    ...answer.findings,
    ...plaintextFindings(place, map, values, plaintext, damaged),
    ...(damaged > 0
      ? [
          finding(
            'rows.damaged',
            place,
            `${counted(damaged, 'value')} of ${values} begin like a cell and are none`,
            damaged,
          ),
        ]
      : []),
    ...(options.keys === null ? [] : keyFindings(place, map, keys, options.keys.data)),
  ];
  return { findings, count: { field: place, values, encrypted, plaintext, sample: answer.sample } };
}

function plaintextFindings(
  place: string,
  { mode, leaving }: EncryptedFieldMap,
  values: number,
  plaintext: number,
  damaged: number,
): Finding[] {
  if (mode !== 'migrating') {
    if (plaintext === 0) return [];
    return [finding('rows.plaintext', place, `${counted(plaintext, 'value')} of ${values} in plaintext`, plaintext)];
  }
  if (leaving === true) {
    const cells = values - plaintext;
    if (cells === 0) return [finding('rows.left', place, 'mode: leaving, and no value is a cell any more')];
    return [
      finding('rows.leaving', place, `mode: leaving: ${counted(cells, 'cell')} of ${values} values to go`, cells),
    ];
  }
  if (plaintext + damaged === 0)
    return [finding('rows.migrated', place, `mode: migrating, and all ${values} values are encrypted`)];
  const percent = Math.floor((100 * (values - plaintext - damaged)) / values);
  return [
    finding(
      'rows.migrating',
      place,
      `${percent} % encrypted, ${counted(plaintext, 'value')} of ${values} to go`,
      plaintext,
    ),
  ];
}

const OF_STATUS = { disabled: 'keys.disabled', destroyed: 'keys.destroyed' } as const;

function keyFindings(
  place: string,
  { column }: EncryptedFieldMap,
  keys: ReadonlyMap<string, number>,
  known: KeyDirectory['data'],
): Finding[] {
  const ofStatus = [...keys].flatMap(([keyId, rows]) => {
    const status = known.get(keyId);
    if (status !== 'disabled' && status !== 'destroyed') return [];
    return [finding(OF_STATUS[status], place, `${counted(rows, 'value')} under the ${status} key ${keyId}`, rows)];
  });
  const unknown = [...keys].filter(([keyId]) => !known.has(keyId));
  if (unknown.length === 0) return ofStatus;
  const rows = unknown.reduce((total, [, count]) => total + count, 0);
  // Bytes that only look like a cell are plaintext, and their first bytes are not for the screen.
  const which =
    column === 'Bytes' ? ', or plaintext that begins like a cell' : ` (${named(unknown.map(([id]) => id))})`;
  const what = `${counted(rows, 'value')} under ${counted(unknown.length, 'key')} that the keyring does not have`;
  return [finding('keys.unknown', place, `${what}${which}`, rows), ...ofStatus];
}

function named(keyIds: readonly string[]): string {
  return keyIds.slice(0, MAX_NAMED).join(', ') + (keyIds.length > MAX_NAMED ? ', …' : '');
}

/** Key id in a header, or null for what is no header of ours. */
function keyIdOf(column: EncryptedFieldMap['column'], digits: string): string | null {
  const stored = Buffer.from(digits, 'hex');
  if (column === 'Bytes') return isSuite(stored[0]) ? stored.subarray(1).toString('hex') : null;
  const text = stored.toString('latin1').slice(TEXT_PREFIX.length);
  const header = Buffer.from(text, 'base64url');
  return header.toString('base64url') === text && isSuite(header[0]) ? header.subarray(1).toString('hex') : null;
}
