/**
 * Measures what the columns of a real database give away to whoever reads them without a key.
 *
 * @module
 */
import {
  defineIndex,
  type FieldSpec,
  HEADER_BYTES,
  type IndexSpec,
  isCustomNormalizer,
  isFieldsealError,
  type KeyView,
  NONCE_BYTES,
  parseNormalizer,
  TAG_BYTES,
  TEXT_PREFIX,
} from '@fieldseal/core';
import type { BoundFieldMap, EncryptedFieldMap, IndexMap, ModelMap, SchemaMap } from '@fieldseal/prisma/internal';
import { CliError } from '../../cli-error.ts';
import type { SchemaFile } from '../../schema-file.ts';
import type { Database } from '../database.ts';
import { type DatabaseAccess, withModels } from '../database-check.ts';
import { DatabaseProblem } from '../database-problem.ts';
import { counted, type Finding, finding } from '../finding.ts';
import { countLengths } from '../row-counts.ts';
import type { NamedModel } from '../structure-check.ts';
import { bitRange, expectedCollisions, LEAST_POPULATION } from './bit-bounds.ts';
import { alternatives, cheapestAcceptable, isAcceptable, MOST_RECOVERED, trials } from './countermeasures.ts';
import { countsOf, distributionOf } from './distribution.ts';
import { attack, type Observations } from './frequency-attack.ts';
import { type IndexedColumn, type IndexSource, readIndex } from './indexed-rows.ts';
import { Labeller } from './labels.ts';
import type { FieldLengths, IndexLeakage, Leakage } from './leakage.ts';
import { percent } from './leakage-text.ts';
import { lengthLeakage } from './length-leakage.ts';
import { parseValue, type ValueCounts } from './statistics-file.ts';

/** Rows of each table that are read unless another number is asked for. */
export const LEAKAGE_ROWS = 100_000;
/** The same for indexes that have many terms a row. */
const MANY_TERMS_ROWS = 20_000;
/** Fewer rows say nothing of how often values occur. */
const FEWEST_ROWS = 100;
/** What a cell has beside its payload, in bytes. */
const OVERHEAD = HEADER_BYTES + NONCE_BYTES + 1 + TAG_BYTES;

/** How leakage is measured. */
export interface LeakageCheck extends DatabaseAccess {
  /** Rows of a sample that was asked for; null for {@link LEAKAGE_ROWS}. */
  readonly sample: number | null;
  /** Null when the keyring cannot be opened. */
  readonly view: KeyView | null;
  /** The attacker's statistics, by the name of the index. */
  readonly statistics: ReadonlyMap<string, ValueCounts>;
}

/** What was found. */
export interface CheckedLeakage {
  /** Null when the database cannot be asked. */
  readonly leakage: Leakage | null;
  readonly findings: readonly Finding[];
}

/**
 * Reads the terms of every index and, with a key, the values behind them; runs the attack; and counts the lengths of all cells.
 *
 * @throws ERR_USAGE when the statistics name an index that there is not
 */
export async function checkLeakage(schema: SchemaFile, map: SchemaMap, options: LeakageCheck): Promise<CheckedLeakage> {
  const indexes = namedIndexes(map);
  const unknown = [...options.statistics.keys()].find((name) => !indexes.some(({ place }) => place === name));
  if (unknown !== undefined)
    throw new CliError('ERR_USAGE', 'a file of statistics has the name of no index', 'Call it Model.column.csv.');
  const compound = indexes.find(({ place, sources }) => sources.length > 1 && options.statistics.has(place));
  if (compound !== undefined)
    throw new CliError(
      'ERR_USAGE',
      `statistics cannot be given for ${compound.place}, which is over several fields`,
      'Without them, the attacker knows half of the rows.',
    );
  const checked = await withModels(schema, map, options, async (database, _provider, models) => {
    const parts = new Parts();
    for (const model of models) {
      for (const one of indexes.filter((index) => index.model === model.name))
        await parts.attempt(one.place, () => measureIndex(database, model, one, options));
      for (const field of Object.keys(model.map.encrypted))
        await parts.attempt(`${model.name}.${field}`, () => measureLengths(database, model, field, options));
    }
    return parts;
  });
  if ('id' in checked) return { leakage: null, findings: [checked] };
  const { indexes: measured, fields, findings } = checked;
  const sample = options.sample ?? LEAKAGE_ROWS;
  const leakage = { sample, statistics: [...options.statistics.keys()], indexes: measured, fields };
  return { leakage, findings: [...findings, ...measured.flatMap(findingsOf)] };
}

/** What was measured, and what could not be. */
class Parts {
  readonly indexes: IndexLeakage[] = [];
  readonly fields: FieldLengths[] = [];
  readonly findings: Finding[] = [];

  async attempt(place: string, measure: () => Promise<IndexLeakage | FieldLengths>): Promise<void> {
    try {
      const found = await measure();
      if ('index' in found) this.indexes.push(found);
      else this.fields.push(found);
    } catch (error) {
      if (!(error instanceof DatabaseProblem)) throw error;
      this.findings.push(finding('rows.unread', place, `what it gives away was not measured: ${error.message}`));
    }
  }
}

/** An index with the fields that it indexes. */
interface NamedIndex extends Omit<IndexedColumn, 'model'> {
  readonly place: string;
  readonly model: string;
  /** Whether the values behind its terms can be told apart here. */
  readonly comparable: boolean;
  /** Whether each row is under the keys of its own scope: its terms say nothing of how many values a scope has. */
  readonly scoped: boolean;
}

function namedIndexes(map: SchemaMap): NamedIndex[] {
  return Object.entries(map.models).flatMap(([model, modelMap]) =>
    Object.entries(modelMap.indexes).map(([column, index]): NamedIndex => {
      const sources = index.of.map((field) => sourceOf(model, field, modelMap));
      const { spec, comparable } = specOf(model, column, index, sources);
      const scoped = modelMap.scope !== null;
      return {
        place: `${model}.${column}`,
        model,
        map: index,
        sources,
        spec,
        comparable: comparable && !scoped,
        scoped,
      };
    }),
  );
}

function sourceOf(model: string, field: string, map: ModelMap): IndexSource {
  const { context, column, type, pad, bind } = map.encrypted[field] as EncryptedFieldMap;
  return {
    spec: { model, field, context, column, type, pad },
    bind: bind.map((bound) => [bound, map.bound[bound] as BoundFieldMap]),
  };
}

function specOf(
  model: string,
  column: string,
  map: IndexMap,
  sources: readonly IndexSource[],
): Pick<NamedIndex, 'spec' | 'comparable'> {
  const [first, ...rest] = sources.map(({ spec }) => spec);
  const { kind, name, normalize, bits, partitions, min, max, n, range } = map;
  // Of a normaliser that the application brings the code is not here: its terms can be counted, and no value told from another.
  const comparable = !normalize.some((written) => isCustomNormalizer(parseNormalizer(written)?.name ?? ''));
  const parameters = { kind, name, normalize: comparable ? normalize : [], bits, partitions, min, max, n, range };
  return { spec: defineIndex({ model, column, sources: [first as FieldSpec, ...rest], ...parameters }), comparable };
}

async function measureIndex(
  database: Database,
  model: NamedModel,
  { place, comparable, scoped, ...index }: NamedIndex,
  { sample, view: opened, statistics, progress }: LeakageCheck,
): Promise<IndexLeakage> {
  const { spec, map } = index;
  const view = comparable ? opened : null;
  progress.step(`reading ${place}`);
  const read = await readIndex(database, { ...index, model }, view, sample ?? rowsOf(spec));
  const given = statistics.get(place);
  const weights =
    read.observed === null || view === null || given === undefined
      ? null
      : read.observed.weights(labelled(view, spec, given));
  const observed = read.observed?.build() ?? null;
  progress.step(`attacking ${place}`);
  const { distinct: terms, total: _, ...spread } = distributionOf(read.termCounts);
  const values = observed === null ? null : new Set(observed.values).size;
  const measured = {
    index: place,
    of: map.of,
    kind: spec.sources.length > 1 ? 'compound' : spec.kind,
    allowed: map.allowLeakage,
    bits: spec.bits,
    partitions: spec.partitions,
    rows: read.rows,
    unreadable: read.unreadable,
    terms,
    values,
    ...termsPerRow(observed, spec),
    ...spread,
    expectedCollisions: values === null ? null : expectedCollisions(values * spec.partitions, spec.bits),
  };
  const { advice, ...result } = attacked(observed, measured, spec.kind === 'equality', weights);
  return { ...measured, ...result, advice: scoped ? { ...advice, tooFew: false, bitsByRows: null } : advice };
}

/** Kinds with one term a row tell nothing by the number of terms. */
function termsPerRow(
  observed: Observations | null,
  { many }: IndexSpec,
): Pick<IndexLeakage, 'termsPerRow' | 'countEntropy'> {
  if (!many || observed === null || observed.rows.length === 0) return { termsPerRow: many ? 0 : 1, countEntropy: 0 };
  const counts = [...countsOf(observed.rows, 1 + observed.rows.reduce((most, row) => Math.max(most, row)))];
  const ofCount = new Map<number, number>();
  for (const count of counts) ofCount.set(count, (ofCount.get(count) ?? 0) + 1);
  return {
    termsPerRow: observed.rows.length / counts.length,
    countEntropy: distributionOf(ofCount.values()).entropy,
  };
}

function rowsOf({ many }: IndexSpec): number {
  return many ? MANY_TERMS_ROWS : LEAKAGE_ROWS;
}

function attacked(
  observed: Observations | null,
  {
    bits,
    partitions,
    rows,
    unreadable,
    terms,
    values,
  }: Pick<IndexLeakage, 'bits' | 'partitions' | 'rows' | 'unreadable' | 'terms' | 'values'>,
  canPartition: boolean,
  statistics: Float64Array | null,
): Pick<IndexLeakage, 'recovery' | 'trials' | 'advice'> {
  const bitsByRows = bitRange(rows);
  const bitsByValues = values === null ? null : bitRange(values);
  const distinct = values ?? Math.ceil(terms / partitions);
  const tooFew = rows >= FEWEST_ROWS && distinct < LEAST_POPULATION;
  const nothing = { acceptable: null, partitionsUninformed: null, annotation: null };
  if (observed === null || values === null || rows - unreadable < FEWEST_ROWS)
    return { recovery: null, trials: [], advice: { tooFew, bitsByRows, bitsByValues, ...nothing } };
  const recovery = attack(observed, { statistics, partitions });
  const acceptable = isAcceptable(recovery);
  const tried = acceptable ? [] : trials(observed, alternatives(bits, values, canPartition), statistics);
  const others = tried.filter((trial) => trial.bits !== bits || trial.partitions !== partitions);
  const flattening = tried.find((trial) => trial.bits === bits && trial.uninformed < MOST_RECOVERED);
  return {
    recovery,
    trials: tried,
    advice: {
      tooFew,
      bitsByRows,
      bitsByValues,
      acceptable,
      partitionsUninformed: flattening?.partitions ?? null,
      annotation: cheapestAcceptable(others),
    },
  };
}

/** The attacker's statistics by label. What is no value of the field says nothing of it. */
function labelled(view: KeyView, spec: IndexSpec, given: ValueCounts): ReadonlyMap<string, number> {
  const labeller = new Labeller(view, spec);
  const labels = new Map<string, number>();
  for (const [text, count] of given) {
    try {
      for (const { label } of labeller.of([parseValue(spec.sources[0].type, text)]))
        labels.set(label, (labels.get(label) ?? 0) + count);
    } catch (error) {
      if (!(isFieldsealError(error) || error instanceof SyntaxError)) throw error;
    }
  }
  return labels;
}

async function measureLengths(
  database: Database,
  model: NamedModel,
  field: string,
  { sample, progress }: LeakageCheck,
): Promise<FieldLengths> {
  const place = `${model.name}.${field}`;
  progress.step(`measuring ${place}`);
  const map = model.map.encrypted[field] as EncryptedFieldMap;
  const rows = await database.rows(countLengths(database.dialect, model.map, map, sample));
  const counts = new Map<number, number>();
  let cells = 0;
  for (const [size, count] of rows) {
    const bytes = map.column === 'Bytes' ? Number(size) : Math.floor(((Number(size) - TEXT_PREFIX.length) * 3) / 4);
    const payload = bytes - OVERHEAD;
    counts.set(payload, (counts.get(payload) ?? 0) + Number(count));
    cells += Number(count);
  }
  return { field: place, cells, pad: map.pad, ...lengthLeakage(counts, map.pad) };
}

function findingsOf(measured: IndexLeakage): Finding[] {
  const { index, allowed, rows, terms, values, partitions, recovery, advice } = measured;
  const distinct = values ?? Math.ceil(terms / partitions);
  const findings: Finding[] = [];
  if (recovery === null)
    findings.push(finding('leakage.unmeasured', index, `the attack was not run on ${counted(rows, 'row')}`));
  if (allowed !== null) return findings;
  if (advice.tooFew)
    findings.push(finding('leakage.low-cardinality', index, `${counted(distinct, 'value')} in ${rows} rows`, rows));
  if (recovery !== null && advice.acceptable === false)
    findings.push(
      finding(
        'leakage.recovered',
        index,
        `the frequency attack recovers ${percent(recovery.informed)} of the rows; without the index ${percent(recovery.baseline)}`,
        Math.round(recovery.informed * rows),
      ),
    );
  return findings;
}
