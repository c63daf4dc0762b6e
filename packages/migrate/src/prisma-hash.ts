import { createHash } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';

/** What an annotation `@encryption:hash` says about its hash. */
export interface PrismaHash {
  /** Name of a digest of node:crypto; `sha256` by default. */
  readonly algorithm?: string;
  readonly inputEncoding?: HashEncoding;
  readonly outputEncoding?: HashEncoding;
  /** `salt`, the value of the variable that `saltEnv` names, or that of PRISMA_FIELD_ENCRYPTION_HASH_SALT. */
  readonly salt?: string;
  /** Always applied in the order lowercase, uppercase, trim, spaces, diacritics. */
  readonly normalize?: readonly string[];
}

type HashEncoding = 'utf8' | 'hex' | 'base64';

/** In the order in which prisma-field-encryption applies them. */
const NORMALIZERS: Readonly<Record<string, (text: string) => string>> = {
  lowercase: (text) => text.toLowerCase(),
  uppercase: (text) => text.toUpperCase(),
  trim: (text) => text.trim(),
  spaces: (text) => text.replaceAll(/\s/g, ''),
  diacritics: (text) => text.normalize('NFD').replaceAll(/[\u0300-\u036f]/g, ''),
};

/**
 * The hash that prisma-field-encryption 1.x keeps beside an encrypted value. It has no key: whoever has the database can try values. It serves
 * to look at what it wrote, before the column is dropped.
 *
 * @throws ERR_OPTIONS for a digest that node:crypto does not have
 */
export function prismaHash(value: string, hash: PrismaHash = {}): string {
  const { algorithm = 'sha256', inputEncoding = 'utf8', outputEncoding = 'hex', salt, normalize = [] } = hash;
  let text = value;
  for (const [name, apply] of Object.entries(NORMALIZERS)) if (normalize.includes(name)) text = apply(text);
  const digest = digestOf(algorithm).update(decode(text, inputEncoding));
  if (salt !== undefined && salt !== '') digest.update(decode(salt, inputEncoding));
  const bytes = digest.digest();
  if (outputEncoding !== 'base64') return bytes.toString(outputEncoding);
  // Padded, which the base64url of Node is not.
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

function digestOf(algorithm: string): ReturnType<typeof createHash> {
  try {
    return createHash(algorithm);
  } catch {
    throw new FieldsealError('ERR_OPTIONS', 'node:crypto has no such digest');
  }
}

function decode(text: string, encoding: HashEncoding): Buffer {
  if (encoding === 'hex' && text.length % 2 === 1) return Buffer.from(`0${text}`, 'hex');
  return Buffer.from(text, encoding);
}
