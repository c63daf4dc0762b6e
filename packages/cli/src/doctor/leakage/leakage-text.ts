import { table } from '../../table.ts';
import { counted } from '../finding.ts';
import { MOST_GAIN, MOST_RECOVERED, type Trial } from './countermeasures.ts';
import type { FieldLengths, IndexLeakage, Leakage } from './leakage.ts';
import { MOST_LENGTH_BITS } from './length-leakage.ts';

/** A table of a report: a head, and rows of as many cells. */
export interface TextTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A share of 0 to 1 for people. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** The report for people, without the findings. */
export function leakageLines(leakage: Leakage): string[] {
  return [
    ...section('What the indexes give away', indexTable(leakage.indexes)),
    ...section('What to do about them', adviceTable(leakage.indexes)),
    ...section('What the lengths of cells give away', lengthTable(leakage.fields)),
    ...remarks(leakage),
    '',
  ];
}

/** What the columns of the tables mean, and how far the numbers reach. */
export function remarks({ sample, statistics }: Leakage): string[] {
  const others = statistics.length === 0 ? '' : `, and the statistics that were given for ${statistics.join(', ')}`;
  return [
    `At most ${counted(sample, 'row')} of each table, the first that the database gives. Known to the attacker: half of the rows${others}.`,
    `Recovered: share of the rows whose value the frequency attack guesses, by who knows the schema; uninformed: by who takes each term for one value;`,
    `without: by who guesses the commonest value for every row. Acceptable: below ${percent(MOST_RECOVERED)}, or at most ${percent(MOST_GAIN)} above "without".`,
    'A row: mean of the terms of a row, and the entropy of their number, which tells of the length of the text. Entropies are of one term.',
    'Bits by values: the bounds of AWS; by rows: those of CipherSweet. Partitions: the fewest that keep off who does not know of them.',
    `Lengths: at most ${MOST_LENGTH_BITS} bit is acceptable; alone: cells whose length no other has.`,
  ];
}

/** What each index gives away. */
export function indexTable(indexes: readonly IndexLeakage[]): TextTable {
  return {
    head: [
      'index',
      'kind',
      'rows',
      'values',
      'terms',
      'a row',
      'entropy',
      'min-entropy',
      'commonest',
      'collisions',
      'recovered',
      'uninformed',
      'without',
    ],
    rows: indexes.map((one) => [
      one.index,
      one.kind,
      String(one.rows),
      one.values === null ? '?' : String(one.values),
      String(one.terms),
      one.countEntropy === 0 ? short(one.termsPerRow) : `${short(one.termsPerRow)} (${bits(one.countEntropy)})`,
      bits(one.entropy),
      bits(one.minEntropy),
      percent(one.largestShare),
      one.expectedCollisions === null ? '?' : short(one.expectedCollisions),
      ...(one.recovery === null
        ? ['not run', '', '']
        : [percent(one.recovery.informed), percent(one.recovery.uninformed), percent(one.recovery.baseline)]),
    ]),
  };
}

/** What to do about each index. */
export function adviceTable(indexes: readonly IndexLeakage[]): TextTable {
  return {
    head: [
      'index',
      'now',
      'bits by values',
      'bits by rows',
      'partitions',
      'proposed',
      'recovered then',
      'rows read in vain',
    ],
    rows: indexes.map((one) => [
      one.index,
      annotationText(one),
      rangeText(one.advice.bitsByValues),
      rangeText(one.advice.bitsByRows),
      one.advice.partitionsUninformed === null ? '' : String(one.advice.partitionsUninformed),
      ...proposal(one),
    ]),
  };
}

/** What the lengths of each field give away. */
export function lengthTable(fields: readonly FieldLengths[]): TextTable {
  return {
    head: ['field', 'cells', 'pad', 'lengths', 'entropy', 'alone', 'proposed'],
    rows: fields.map((one) => [
      one.field,
      String(one.cells),
      one.pad === null ? 'none' : String(one.pad),
      String(one.lengths),
      bits(one.entropy),
      percent(one.alone),
      padText(one),
    ]),
  };
}

/** `bits: 8, partitions: 4`, as an annotation says it. */
export function annotationText({ bits: of, partitions }: Pick<Trial, 'bits' | 'partitions'>): string {
  return `bits: ${of}${partitions === 1 ? '' : `, partitions: ${partitions}`}`;
}

/** A number with three digits, for people. */
export function short(value: number): string {
  if (value === 0) return '0';
  if (value < 0.001) return '< 0.001';
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

function proposal({ allowed, advice }: IndexLeakage): string[] {
  const { acceptable, annotation, tooFew } = advice;
  if (allowed !== null) return ['allowed', '', ''];
  if (!tooFew && acceptable === null) return ['not known', '', ''];
  if (!tooFew && acceptable === true) return ['as it is', '', ''];
  if (tooFew || annotation === null) return ['compound, or no index', '', ''];
  return [annotationText(annotation), percent(annotation.informed), short(annotation.extraRows)];
}

function padText({ entropy, paddings, suggested }: FieldLengths): string {
  if (entropy <= MOST_LENGTH_BITS) return 'as it is';
  const padding = paddings.find(({ pad }) => pad === suggested);
  if (padding === undefined) return 'none that was tried is enough';
  return `pad: ${padding.pad} (${bits(padding.entropy)}, ${Math.round(padding.addedBytes)} bytes more a cell)`;
}

function rangeText(range: IndexLeakage['advice']['bitsByRows']): string {
  if (range === null) return 'too few';
  return range.least === range.most ? String(range.least) : `${range.least} to ${range.most}`;
}

function bits(value: number): string {
  return `${value.toFixed(1)} bits`;
}

function section(title: string, { head, rows }: TextTable): string[] {
  return rows.length === 0 ? [] : [title, ...table([head, ...rows]).map((line) => `  ${line}`), ''];
}
