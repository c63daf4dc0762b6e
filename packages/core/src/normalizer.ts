import { FieldsealError } from './errors.ts';
import type { NormalizerName } from './field-spec.ts';

/** What each normaliser does. Changing one changes every term made with it, so an entry is never edited, only added. */
const NORMALIZERS: Readonly<Record<NormalizerName, (text: string) => string>> = {
  /** Removes white space at both ends. */
  trim: (text) => text.trim(),
  /** Lower case by Unicode's default mapping, whatever the locale of the process. */
  lowercase: (text) => text.toLowerCase(),
  /** Unicode's compatibility composition (UAX #15): full-width forms, ligatures, composed and decomposed accents become one. */
  nfkc: (text) => text.normalize('NFKC'),
  /**
   * Keeps the ASCII digits only, for telephone and card numbers. A text without any stays as it is: as the empty text it would be found by
   * every other text without digits.
   */
  digits: (text) => text.replace(/[^0-9]/g, '') || text,
};

/** All normalisers. */
export const NORMALIZER_NAMES: readonly NormalizerName[] = Object.keys(NORMALIZERS) as NormalizerName[];

/**
 * Applies normalisers in order.
 *
 * @throws ERR_OPTIONS for an unknown one
 */
export function normalize(text: string, names: readonly NormalizerName[]): string {
  let normal = text;
  for (const name of names) {
    if (!Object.hasOwn(NORMALIZERS, name))
      throw new FieldsealError('ERR_OPTIONS', `there is no normaliser ${JSON.stringify(name)}`);
    normal = NORMALIZERS[name](normal);
  }
  return normal;
}
