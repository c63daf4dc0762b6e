/**
 * Normalisers of blind indexes: what two values may differ in and still be found by one another. They define what a search on the index
 * compares. Terms made with a changed normaliser would not be found, so that a version of one never changes: another behaviour is another
 * version, which an annotation names (`email@2`), and the index has to be filled again.
 *
 * @module
 */
import { isWellFormed } from './bytes.ts';
import { FieldsealError } from './errors.ts';

/** A normaliser of the application. */
export interface Normalizer {
  /** 1 or more; another behaviour is another version. */
  readonly version: number;
  /**
   * The text that stands for a value: the same for all values that are to be found by one another, for ever. Called with the canonical text
   * of the value (spec/format.md §3); what it throws is dropped, and the value refused with ERR_VALUE.
   */
  readonly normalize: (text: string) => string;
  /** Whether texts that differ in case only become equal, so that the index serves `mode: 'insensitive'`; false by default. */
  readonly foldsCase?: boolean;
}

/** Normalisers of the application by name. `phone` is one that has to give numbers as E.164 writes them. */
export type Normalizers = Readonly<Record<string, Normalizer>>;

/** Where in a list a normaliser may stand: behind `any` others, `early` behind those that come first only. */
type Position = 'first' | 'early' | 'any' | 'last';

interface BuiltIn {
  readonly versions: readonly ((text: string) => string | null)[];
  readonly position: Position;
  /** Types of values that it is made for. */
  readonly types: readonly ('String' | 'DateTime')[];
  readonly foldsCase: boolean;
  /** What it does, for documentation. */
  readonly does: string;
}

const TEXT = ['String'] as const;
const POSITIONS: readonly Position[] = ['first', 'early', 'any', 'last'];

/** Year of a date as `YYYY-MM-DD…`, or of an ISO 8601 expanded year. */
const YEAR = /^(\d{4}|[+-]\d{6})(?:-\d\d(?:-\d\d(?:$|[T ].*))?)?$/s;
const MONTH = /^((?:\d{4}|[+-]\d{6})-(?:0[1-9]|1[0-2]))(?:-\d\d(?:$|[T ].*))?$/s;
/** ITU-T E.164 §6: a plus, and up to fifteen digits the first of which is that of a country. */
const E164 = /^\+[1-9]\d{1,14}$/;

/** All built-in normalisers with all their versions, the first first. A function gives null for a text that it cannot normalise. */
const BUILT_IN: Readonly<Record<string, BuiltIn>> = {
  trim: {
    versions: [(text) => text.trim()],
    position: 'any',
    types: TEXT,
    foldsCase: false,
    does: 'removes white space at both ends',
  },
  lowercase: {
    versions: [(text) => text.toLowerCase()],
    position: 'any',
    types: TEXT,
    foldsCase: true,
    does: "lower case by Unicode's default mapping, whatever the locale of the process",
  },
  nfkc: {
    // Behind another one it could undo what that one did.
    versions: [(text) => text.normalize('NFKC')],
    position: 'first',
    types: TEXT,
    foldsCase: false,
    does: 'compatibility composition (UAX #15): full-width forms, ligatures, composed and decomposed accents become one',
  },
  diacritics: {
    versions: [(text) => text.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC')],
    position: 'early',
    types: TEXT,
    foldsCase: false,
    does: 'removes accents: NFD, without marks (`\\p{M}`), NFC. Letters of their own as ł and ø stay',
  },
  digits: {
    // A text without any stays as it is: as the empty text it would be found by every other text without digits.
    versions: [(text) => text.replace(/[^0-9]/g, '') || text],
    position: 'any',
    types: TEXT,
    foldsCase: false,
    does: 'keeps the ASCII digits only, as for card numbers; a text without any stays as it is',
  },
  email: {
    // RFC 5321 §2.4 lets a host tell local parts apart by case and discourages it; RFC 6532 §3.1 asks for NFC. Lower case is not always NFC.
    versions: [(text) => text.trim().normalize('NFC').toLowerCase().normalize('NFC')],
    position: 'any',
    types: TEXT,
    foldsCase: true,
    does: 'trims, lower case in both parts (RFC 5321 §2.4 discourages addresses that differ in case only), NFC (RFC 6532 §3.1)',
  },
  phone: {
    versions: [], // the application's
    position: 'any',
    types: TEXT,
    foldsCase: false,
    does: 'the number as E.164 writes it, by the library that the application passes in',
  },
  last4: {
    versions: [(text) => [...text].slice(-4).join('')],
    position: 'last',
    types: TEXT,
    foldsCase: false,
    does: 'the last four characters (code points)',
  },
  year: {
    versions: [(text) => YEAR.exec(text)?.[1] ?? null],
    position: 'last',
    types: ['DateTime', 'String'],
    foldsCase: false,
    does: 'the year of a DateTime in UTC, or of a text as `YYYY-MM-DD`',
  },
  month: {
    versions: [(text) => MONTH.exec(text)?.[1] ?? null],
    position: 'last',
    types: ['DateTime', 'String'],
    foldsCase: false,
    does: 'year and month of a DateTime in UTC, or of a text as `YYYY-MM-DD`',
  },
};

/** What documentation says of the built-in normalisers. */
export const NORMALIZERS: Readonly<Record<string, { readonly does: string; readonly versions: number }>> =
  Object.fromEntries(
    Object.entries(BUILT_IN).map(([name, { does, versions }]) => [name, { does, versions: versions.length }]),
  );

/** Names of the built-in normalisers. */
export const NORMALIZER_NAMES: readonly string[] = Object.keys(BUILT_IN);

/** A normaliser as annotations write it, taken apart: `slug@2` is version 2 of slug, `slug` version 1. Null for another form. */
export function parseNormalizer(written: string): { readonly name: string; readonly version: number } | null {
  const [, name, version = '1'] = /^([A-Za-z]\w*)(?:@([1-9]\d{0,5}))?$/.exec(written) ?? [];
  return name === undefined ? null : { name, version: Number(version) };
}

/**
 * What is wrong with a list of normalisers wherever it is used, or null: an unreadable name, a version that a built-in one does not have, or
 * an order in which one undoes another.
 */
export function normalizerProblem(list: readonly string[], type: string): string | null {
  let least = 0;
  for (const [at, written] of list.entries()) {
    const parsed = parseNormalizer(written);
    if (parsed === null) return `${written} is no name of a normaliser; versions are written as "slug@2"`;
    const { name, version } = parsed;
    const known = builtIn(name);
    const custom = known === undefined || known.versions.length === 0;
    if (!custom && version > known.versions.length) return `the normaliser ${name} has no version ${version}`;
    if (list.findIndex((other) => parseNormalizer(other)?.name === name) < at) return `${name} stands there twice`;
    if (
      known !== undefined &&
      position(name) === 'last' &&
      type !== 'compound' &&
      !known.types.some((of) => of === type)
    )
      return `${name} is for fields of type ${known.types.join(' or ')}`;
    const place = POSITIONS.indexOf(position(name));
    if (place < least) return `${name} stands ${PLACE_TEXT[position(name)]}: there it can undo what another did`;
    least = place;
  }
  return null;
}

const PLACE_TEXT: Readonly<Record<Position, string>> = {
  first: 'first',
  early: 'before all others but nfkc',
  any: 'before last4, year and month',
  last: 'last',
};

function position(name: string): Position {
  return builtIn(name)?.position ?? 'any';
}

function builtIn(name: string): BuiltIn | undefined {
  return Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
}

/** Whether a normaliser has to be given by the application. */
export function isCustomNormalizer(name: string): boolean {
  return (builtIn(name)?.versions.length ?? 0) === 0;
}

/** Whether texts that differ in case only become equal. */
export function foldsCase(list: readonly string[], normalizers: Normalizers = {}): boolean {
  return list.some((written) => {
    const name = parseNormalizer(written)?.name ?? '';
    return (
      builtIn(name)?.foldsCase === true || (own(normalizers, name)?.foldsCase === true && isCustomNormalizer(name))
    );
  });
}

/** Whether a normaliser applies to values of a type, where an index is over fields of several types. */
export function isNormalizerFor(written: string, type: string): boolean {
  const known = builtIn(parseNormalizer(written)?.name ?? '');
  const [made = 'String'] = known?.types ?? [];
  return made === type;
}

/**
 * Applies normalisers in order.
 *
 * @param normalizers - those of the application
 * @throws ERR_OPTIONS for an unknown one, ERR_SCHEMA_STALE for one of the application that has another version, ERR_VALUE for a text that
 * one refuses
 */
export function normalize(text: string, list: readonly string[], normalizers: Normalizers = {}): string {
  let normal = text;
  for (const written of list) normal = apply(written, normal, normalizers);
  return normal;
}

/**
 * Refuses normalisers that cannot be applied.
 *
 * @throws ERR_OPTIONS for an unknown one, ERR_SCHEMA_STALE for one of the application that has another version than the index
 */
export function checkNormalizers(list: readonly string[], normalizers: Normalizers): void {
  for (const written of list) find(written, normalizers);
}

function apply(written: string, text: string, normalizers: Normalizers): string {
  const work = find(written, normalizers);
  let normal: unknown;
  try {
    normal = work(text);
  } catch {
    normal = null; // what the application's own function threw may hold the value
  }
  if (typeof normal === 'string' && isWellFormed(normal) && (written.split('@')[0] !== 'phone' || E164.test(normal)))
    return normal;
  throw new FieldsealError('ERR_VALUE', `a value has no ${written} to be indexed by`);
}

function find(written: string, normalizers: Normalizers): (text: string) => string | null {
  const { name, version } = parseNormalizer(written) ?? { name: '', version: 0 };
  const ours = builtIn(name)?.versions[version - 1];
  if (ours !== undefined) return ours;
  const custom = isCustomNormalizer(name) ? own(normalizers, name) : undefined;
  if (custom === undefined)
    throw new FieldsealError('ERR_OPTIONS', `there is no normaliser ${JSON.stringify(written)}`, {
      hint: 'Those that are not built in are given to encryption({ normalizers: { … } }).',
    });
  if (custom.version === version) return custom.normalize;
  throw new FieldsealError('ERR_SCHEMA_STALE', `the normaliser ${name} is of another version than the index`, {
    hint: `The index has terms of version ${version}. Pass that one in, or write the version into the annotation (normalize: ["${name}@…"]) and fill the index again.`,
  });
}

function own(normalizers: Normalizers, name: string): Normalizer | undefined {
  return Object.hasOwn(normalizers, name) ? normalizers[name] : undefined;
}
