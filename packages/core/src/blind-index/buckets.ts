/**
 * Buckets of a range index: intervals that values fall into. An index of them shows which bucket a value is in and nothing of its place in
 * it, nor of the order of buckets.
 *
 * @module
 */
import { canonicalDecimal } from '../decimal.ts';
import { FieldsealError } from '../errors.ts';
import type { RangeSpec } from '../field-spec.ts';
import { canonicalText, type ValueType } from '../value.ts';

/** Buckets of an index, the two open ones included: a search lists every bucket that it touches. */
export const MAX_BUCKETS = 1024;

/** Types of values that have an order and no other text than their own. */
export const RANGE_TYPES: readonly ValueType[] = ['Int', 'BigInt', 'Float', 'Decimal', 'DateTime'];

/** Where a value lies. */
interface Spot {
  /** −1 for values below the first bucket, `count` for those behind the last. */
  readonly bucket: number;
  /** Whether it is the smallest value of its bucket. */
  readonly first: boolean;
}

/** What a range search compares with, as Prisma's operators of the same names. */
export interface RangeSearch {
  readonly gt?: unknown;
  readonly gte?: unknown;
  readonly lt?: unknown;
  readonly lte?: unknown;
}

/** The scale that values are measured on: numbers or time. */
interface Scale {
  /** Buckets between the open ones. */
  readonly count: number;
  /** Smallest value of a bucket; that of bucket `count` is where the range ends. */
  bound(bucket: number): string;
  /** The bucket that the canonical text of a value lies in. */
  spot(text: string): Spot;
}

/** The buckets of one range. */
export class Buckets {
  readonly #type: ValueType;
  readonly #scale: Scale;

  /** @throws ERR_OPTIONS, with the reason, for a range that does not fit the type or has more than {@link MAX_BUCKETS} buckets */
  constructor(type: ValueType, range: RangeSpec) {
    if (!RANGE_TYPES.includes(type)) throw refused(`values of type ${type} have no ranges`);
    this.#type = type;
    this.#scale = type === 'DateTime' ? timeScale(range) : numberScale(range, type === 'Int' || type === 'BigInt');
    if (this.#scale.count < 1) throw refused('it ends where it begins, or before');
    if (this.#scale.count + 2 > MAX_BUCKETS)
      throw refused(`it has more than ${MAX_BUCKETS} buckets; take a larger step`);
  }

  /**
   * Bounds of the bucket of a value, the upper one excluded; '' for an open end.
   *
   * @throws ERR_VALUE when the value is not of the type
   */
  of(value: unknown): readonly [lower: string, upper: string] {
    return this.#bounds(this.#spot(value).bucket);
  }

  /**
   * The buckets that a search touches, and whether every value in them satisfies it: the search then begins and ends where buckets do.
   *
   * @throws ERR_VALUE when an operand is not of the type
   */
  touched(search: RangeSearch): { readonly bounds: readonly (readonly [string, string])[]; readonly exact: boolean } {
    const spots = (['gt', 'gte', 'lt', 'lte'] as const).flatMap((operator) =>
      search[operator] === undefined ? [] : [{ operator, ...this.#spot(search[operator]) }],
    );
    let [from, to, exact] = [-1, this.#scale.count, true];
    for (const { operator, bucket, first } of spots) {
      if (operator === 'gt' || operator === 'gte') {
        from = Math.max(from, bucket);
        exact &&= operator === 'gte' && first;
      } else {
        to = Math.min(to, operator === 'lt' && first ? bucket - 1 : bucket);
        exact &&= operator === 'lt' && first;
      }
    }
    const bounds = Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => this.#bounds(from + at));
    return { bounds, exact: exact || bounds.length === 0 };
  }

  #spot(value: unknown): Spot {
    const text = canonicalText(this.#type, value);
    return this.#scale.spot(this.#type === 'Float' ? (canonicalDecimal(text) ?? '0') : text);
  }

  #bounds(bucket: number): readonly [string, string] {
    const { count } = this.#scale;
    return [bucket < 0 ? '' : this.#scale.bound(bucket), bucket >= count ? '' : this.#scale.bound(bucket + 1)];
  }
}

function refused(reason: string): FieldsealError {
  return new FieldsealError('ERR_OPTIONS', `the range of an index cannot be used: ${reason}`);
}

/** Numbers as multiples of the smallest digit that the range has. */
function numberScale(range: RangeSpec, whole: boolean): Scale {
  const texts = [range.from, range.to, range.step].map((text) => canonicalDecimal(text));
  const [from, to, step] = texts;
  if (from == null || to == null || step == null) throw refused('from, to and step are numbers');
  const places = Math.max(...[from, to, step].map((text) => text.split('.')[1]?.length ?? 0));
  if (places > 30) throw refused('from, to and step have at most 30 decimal places');
  if (whole && places > 0) throw refused('from, to and step of whole numbers are whole numbers');
  const [low, high, width] = [scaled(from, places).units, scaled(to, places).units, scaled(step, places).units];
  if (width <= 0n) throw refused('step is larger than zero');
  const count = Number((high - low + width - 1n) / width);
  return {
    count: high <= low ? 0 : count,
    bound: (bucket) => unscaled(bucket >= count ? high : low + BigInt(bucket) * width, places),
    spot: (text) => {
      const { units, rest } = scaled(text, places);
      if (units < low) return { bucket: -1, first: false };
      if (units >= high) return { bucket: count, first: units === high && !rest };
      return { bucket: Number((units - low) / width), first: (units - low) % width === 0n && !rest };
    },
  };
}

/** A canonical decimal in units of its last place that counts, rounded down, and whether that left something. */
function scaled(text: string, places: number): { readonly units: bigint; readonly rest: boolean } {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const units = BigInt(whole + fraction.slice(0, places).padEnd(places, '0'));
  const rest = /[1-9]/.test(fraction.slice(places));
  return { units: sign === '-' ? -units - (rest ? 1n : 0n) : units, rest };
}

function unscaled(units: bigint, places: number): string {
  return canonicalDecimal(`${units}e-${places}`) as string;
}

/** Milliseconds in a day. */
const DAY = 86_400_000;
/** Widths of fixed length, in ms, and those of the calendar, in months. */
const FIXED: Readonly<Record<string, number>> = { day: DAY, week: 7 * DAY };
const CALENDAR: Readonly<Record<string, number>> = { month: 1, year: 12 };
const INSTANT = /^[+-]?\d{4,6}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?Z)?$/;

function timeScale({ from, to, step }: RangeSpec): Scale {
  const [low, high] = [instant(from), instant(to)];
  const months = Object.hasOwn(CALENDAR, step) ? CALENDAR[step] : undefined;
  if (months !== undefined) return monthScale(low, high, months);
  const width = Object.hasOwn(FIXED, step)
    ? (FIXED[step] as number)
    : /^\d{1,12}$/.test(step)
      ? Number(step) * 1000
      : 0;
  if (width === 0) throw refused('step is day, week, month, year or a number of seconds');
  const count = Math.ceil((high - low) / width);
  return {
    count,
    bound: (bucket) => iso(bucket >= count ? high : low + bucket * width),
    spot: (text) => {
      const time = Date.parse(text);
      if (time < low) return { bucket: -1, first: false };
      if (time >= high) return { bucket: count, first: time === high };
      return { bucket: Math.floor((time - low) / width), first: (time - low) % width === 0 };
    },
  };
}

function monthScale(low: number, high: number, width: number): Scale {
  const start = monthOf(low);
  if (timeOf(start) !== low) throw refused('a range by months or years begins with a month, as in from: "1900-01-01"');
  const whole = Math.floor((monthOf(high) - start) / width);
  const count = timeOf(start + whole * width) < high ? whole + 1 : whole;
  const bound = (bucket: number): number => (bucket >= count ? high : timeOf(start + bucket * width));
  return {
    count,
    bound: (bucket) => iso(bound(bucket)),
    spot: (text) => {
      const time = Date.parse(text);
      if (time < low) return { bucket: -1, first: false };
      if (time >= high) return { bucket: count, first: time === high };
      const bucket = Math.floor((monthOf(time) - start) / width);
      return { bucket, first: time === bound(bucket) };
    },
  };
}

function instant(text: string): number {
  const time = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  // JavaScript takes the 30th of February for the 2nd of March.
  if (Number.isNaN(time) || !iso(time).startsWith(text.slice(0, text.indexOf('T') < 0 ? undefined : text.indexOf('T'))))
    throw refused('from and to are dates as "1900-01-01" or times as "1900-01-01T00:00:00Z"');
  return time;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

/** Months since the year 0. */
function monthOf(time: number): number {
  const date = new Date(time);
  return 12 * date.getUTCFullYear() + date.getUTCMonth();
}

/** Beginning of a month; setUTCFullYear, unlike Date.UTC, takes the years 0 to 99 for what they are. */
function timeOf(months: number): number {
  return new Date(0).setUTCFullYear(Math.floor(months / 12), months - 12 * Math.floor(months / 12), 1);
}
