/**
 * The annotations of prisma-field-encryption 1.x, read as it reads them: anywhere in the comment of a field, also in prose.
 *
 * @module
 */

/** What the comment of a field says. */
export interface PrismaAnnotations {
  /** `@encrypted`, with its mode. */
  readonly encrypted: { readonly mode: string } | null;
  /** `@encryption:hash(source)`. */
  readonly hash: { readonly source: string; readonly normalize: readonly string[] } | null;
  /** The lines of the comment without any of them. */
  readonly rest: readonly string[];
}

const ENCRYPTED = /@encrypted(\?[\w=&]+)?/;
const HASH = /@encryption:hash\((\w+)\)(\?[\w=&]+)?/;
const CURSOR = /@encryption:cursor\b/;
/** Ours begin as theirs do; a comment that has one was rewritten before. */
const OURS = /@encrypted\s*\(|@blindIndex\b/;

/** Reads the comment of a field, given as lines without their slashes; null when it has none of these annotations, or already ours. */
export function prismaAnnotations(lines: readonly string[]): PrismaAnnotations | null {
  const text = lines.join('\n');
  const [encrypted, hash] = [ENCRYPTED.exec(text), HASH.exec(text)];
  if (OURS.test(text) || (encrypted === null && hash === null && !CURSOR.test(text))) return null;
  const rest = lines
    .map((line) => line.replace(HASH, '').replace(CURSOR, '').replace(ENCRYPTED, '').replace(/\s+/g, ' ').trim())
    .filter((line) => line !== '');
  return {
    encrypted: encrypted === null ? null : { mode: modeOf(encrypted[1]) },
    hash:
      hash === null
        ? null
        : { source: hash[1] as string, normalize: new URLSearchParams(hash[2] ?? '').getAll('normalize') },
    rest,
  };
}

/** `mode=` beats the older `?readonly` and `?strict`, of which the first beats the second. */
function modeOf(query = ''): string {
  const given = new URLSearchParams(query);
  return given.get('mode') ?? (given.has('readonly') ? 'readonly' : given.has('strict') ? 'strict' : 'default');
}
