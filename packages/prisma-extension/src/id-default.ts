/**
 * Ids that Prisma's client makes by default. A cell that is bound to its row needs the id before the row is written, so for models with
 * bound fields they are made here, in the form that the schema names and from a cryptographic source.
 *
 * @module
 */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** A default of schema.prisma that makes an id in the client: function and argument. */
export type IdDefault = 'uuid(4)' | 'uuid(7)' | 'cuid(1)' | 'cuid(2)' | 'ulid()' | `nanoid(${number})`;

/** Argument that a function has where the schema gives none, and those that it may have. */
const FUNCTIONS: Readonly<Record<string, { readonly fallback: string; readonly allowed: RegExp }>> = {
  uuid: { fallback: '4', allowed: /^[47]$/ },
  cuid: { fallback: '1', allowed: /^[12]$/ },
  ulid: { fallback: '', allowed: /^$/ },
  nanoid: { fallback: '21', allowed: /^\d+$/ },
};

/** Crockford's base 32, in which ULIDs are written. */
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BASE36 = '0123456789abcdefghijklmnopqrstuvwxyz';
const LETTERS = BASE36.slice(10);
const URL_SAFE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * The default that a call in the schema stands for; null for one that makes no id in the client, such as `autoincrement()`.
 *
 * @param argument - as the schema gives it, `''` for none
 */
export function parseIdDefault(name: string, argument: string): IdDefault | null {
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (known === undefined) return null;
  const given = argument === '' ? known.fallback : argument;
  return known.allowed.test(given) ? (`${name}(${given})` as IdDefault) : null;
}

/** A new id of this form. Forms that begin with the time (uuid 7, ulid, cuid 1) sort by it to the millisecond. */
export function makeId(form: IdDefault): string {
  switch (form) {
    case 'uuid(4)':
      return randomUUID();
    case 'uuid(7)':
      return uuid7();
    case 'cuid(1)': // its fingerprint of the host and its counter are random here
      return `c${Date.now().toString(36).padStart(8, '0')}${characters(BASE36, 16)}`;
    case 'cuid(2)':
      return characters(LETTERS, 1) + characters(BASE36, 23);
    case 'ulid()':
      return ulidTime() + characters(CROCKFORD, 16);
    default:
      return characters(URL_SAFE, Number(form.slice('nanoid('.length, -1)));
  }
}

/** RFC 9562 §5.7: 48 bits of time in ms, version, 12 random bits, variant, 62 random bits. */
function uuid7(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The first ten characters of a ULID: 48 bits of time in ms. */
function ulidTime(): string {
  let text = '';
  for (let time = Date.now(), at = 0; at < 10; at++, time = Math.floor(time / 32)) text = CROCKFORD[time % 32] + text;
  return text;
}

function characters(alphabet: string, count: number): string {
  return Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('');
}
