import { randomInt } from 'node:crypto';
import { FieldsealTestError } from '../testkit-error.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const RANDOM_LENGTH = 24;

/**
 * A value to encrypt in a leak test and to look for afterwards: the label and 24 random letters and digits (124 bits), so that
 * it occurs nowhere by chance. No character of it is changed by JSON, SQL, URLs or e-mail addresses.
 *
 * @param label - letters and digits that say in a report which value was found
 * @throws FieldsealTestError if the label holds anything else
 */
export function newCanary(label: string): string {
  if (!/^[A-Za-z0-9]+$/.test(label)) throw new FieldsealTestError('a canary label consists of letters and digits');
  const random = Array.from({ length: RANDOM_LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length)));
  return `${label}${random.join('')}`;
}
