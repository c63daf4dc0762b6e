import type { Measurement, Spread } from '../result.ts';

/** Units that a nanosecond value is shown in, largest first. */
const TIMES: readonly [number, string][] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** A value with its unit; times in the unit that suits them. */
export function quantity(value: number, unit: Measurement['unit']): string {
  switch (unit) {
    case 'ns':
      return time(value);
    case 'ms':
      return time(value * 1e6);
    case 't':
      return value.toFixed(1);
    default:
      return `${digits(value)} ${unit}`;
  }
}

/** A median with its quartiles. */
export function withSpread(spread: Spread, show: (value: number) => string): string {
  if (spread.samples === 1) return show(spread.median);
  return `${show(spread.median)} (${show(spread.q1)}–${show(spread.q3)})`;
}

function time(ns: number): string {
  const [size, unit] = TIMES.find(([least]) => ns >= least) ?? [1, 'ns'];
  return `${digits(ns / size)} ${unit}`;
}
