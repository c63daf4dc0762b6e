import { FieldsealTestError } from '../testkit-error.ts';

/** How a canary was written where it was found. */
export type Spelling = 'utf-8' | 'utf-16le' | 'utf-16be' | 'base64' | 'base64url' | 'hex' | 'json' | 'percent';

/** The bytes of one canary in one spelling. */
export interface Needle {
  /** Position of the canary in the caller's list. */
  readonly canary: number;
  readonly spelling: Spelling;
  readonly bytes: Buffer;
}

/** Shorter canaries would be found by chance, and base64 leaves too little of them to look for. */
const SHORTEST_CANARY_BYTES = 8;

/** Every way to write text that is looked for. Each gives one or more texts or byte strings. */
const SPELLERS: readonly [Spelling, (text: string) => readonly (string | Buffer)[]][] = [
  ['utf-8', (text) => [text]],
  ['utf-16le', (text) => [Buffer.from(text, 'utf16le')]],
  ['utf-16be', (text) => [Buffer.from(text, 'utf16le').swap16()]],
  ['base64', (text) => base64InEachAlignment(text, 'base64')],
  ['base64url', (text) => base64InEachAlignment(text, 'base64url')],
  ['hex', (text) => bothCases(Buffer.from(text).toString('hex'))],
  ['json', jsonEscapes],
  ['percent', percentEscapes],
];

/**
 * The byte strings that give the canaries away. Spellings that coincide are looked for once, under the first name.
 *
 * @throws FieldsealTestError if there is no canary, or one shorter than 8 bytes: such a scan would prove nothing
 */
export function needlesOf(canaries: readonly string[]): Needle[] {
  if (canaries.length === 0) throw new FieldsealTestError('a scan needs at least one canary');
  return canaries.flatMap((text, canary) => {
    if (Buffer.byteLength(text) < SHORTEST_CANARY_BYTES) {
      throw new FieldsealTestError(`canary ${canary} is shorter than ${SHORTEST_CANARY_BYTES} bytes`);
    }
    const seen = new Map<string, Needle>();
    for (const [spelling, spell] of SPELLERS) {
      for (const spelt of spell(text)) {
        const bytes = Buffer.from(spelt);
        const key = bytes.toString('latin1');
        if (!seen.has(key)) seen.set(key, { canary, spelling, bytes });
      }
    }
    return [...seen.values()];
  });
}

/**
 * Base64 writes three bytes as four digits, so the digits depend on how many bytes stand before. For each of the three cases,
 * only the digits that hold nothing but bits of the canary are kept: what stands before and behind it is unknown.
 */
function base64InEachAlignment(text: string, encoding: 'base64' | 'base64url'): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].map((before) => {
    const digits = Buffer.concat([Buffer.alloc(before), bytes]).toString(encoding);
    return digits.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
}

/** As JSON writers escape it: only what they must, slashes too, and all that is not ASCII, in either case of hex. */
function jsonEscapes(text: string): string[] {
  const least = JSON.stringify(text).slice(1, -1);
  return [least, least.replaceAll('/', '\\/')].flatMap((escaped) => [escaped, ...bothCasesOf(escaped, asciiOnly)]);
}

function asciiOnly(text: string, hex: (digits: string) => string): string {
  return text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${hex(unit.charCodeAt(0).toString(16).padStart(4, '0'))}`);
}

/** As in URLs and in forms, where a space is a plus, in either case of hex. */
function percentEscapes(text: string): string[] {
  const component = bothCasesOf(text, (raw, hex) => encodeURIComponent(raw).replaceAll(/%../g, (code) => hex(code)));
  return component.flatMap((escaped) => [escaped, escaped.replaceAll('%20', '+')]);
}

function bothCases(text: string): string[] {
  return [text.toLowerCase(), text.toUpperCase()];
}

function bothCasesOf(text: string, write: (text: string, hex: (digits: string) => string) => string): string[] {
  return [write(text, (digits) => digits.toLowerCase()), write(text, (digits) => digits.toUpperCase())];
}
