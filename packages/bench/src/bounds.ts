import { NODE_GCM, OURS, OURS_AES } from './micro/candidates.ts';
import type { Section } from './result.ts';

/** A promise about speed, memory or size, and where its number is in the results. */
export interface Bound {
  /** The goal in words. */
  readonly goal: string;
  readonly section: Section;
  readonly case: string;
  readonly candidate: string;
  /** The other side of a ratio; null where a measurement itself is bound. */
  readonly against: string | null;
  readonly sense: 'at least' | 'at most';
  readonly limit: number;
}

const faster = (goal: string, candidate: string, limit: number): Bound[] =>
  ['decrypt 40 B, batch 4', 'decrypt 40 B, batch 64'].map((name) => {
    return { goal, section: 'micro', case: name, candidate, against: OURS, sense: 'at least', limit };
  });

const query = (goal: string, name: string, against: string, limit: number): Bound => {
  return { goal, section: 'queries', case: name, candidate: 'fieldseal', against, sense: 'at most', limit };
};

const atMost = (goal: string, section: Section, name: string, limit: number): Bound => {
  return { goal, section, case: name, candidate: 'fieldseal', against: null, sense: 'at most', limit };
};

const ONE_ROW = 'findUnique and create of three encrypted fields on PostgreSQL: at most 1.10 times plain Prisma';
const MANY_ROWS =
  'findMany of 1000 rows with three encrypted fields: at most 1.3 times the same client with an empty extension';
const TIMING =
  'opening a cell takes as long whatever its key, its text and the place of a forgery: |t| at most 10, dudect’s limit';

/**
 * The goals of the design. A bound is loosened by changing its line here, in a commit of its own that says why, and never by the run that
 * misses it.
 */
export const BOUNDS: readonly Bound[] = [
  ...faster('decrypt and decode a text of 40 bytes: ten times as fast as node:crypto AES-256-GCM', NODE_GCM, 10),
  ...faster('decrypt and decode a text of 40 bytes: fifteen times as fast as @47ng/cloak', '@47ng/cloak', 15),
  ...faster('decrypt and decode a text of 40 bytes: three times as fast as sodium-native', 'sodium-native', 3),
  ...['encrypt', 'decrypt'].map((operation): Bound => {
    return {
      goal: 'the AES suite: at most 1.5 times the time of node:crypto AES-256-GCM',
      section: 'micro',
      case: `${operation} 40 B, batch 64`,
      candidate: NODE_GCM,
      against: OURS_AES,
      sense: 'at least',
      limit: 0.667,
    };
  }),
  query(ONE_ROW, 'postgresql findUnique', 'plain', 1.1),
  query(ONE_ROW, 'postgresql create', 'plain', 1.1),
  query(MANY_ROWS, 'postgresql findMany 1000', 'empty extension', 1.3),
  query(MANY_ROWS, 'sqlite findMany 1000', 'empty extension', 1.3),
  atMost('modules, keyring and client ready: at most 100 ms', 'start', 'modules, keyring by raw key, $extends', 100),
  ...['after the first query', 'after 20,000 rows, young generation of fixed size'].map((state) =>
    atMost('resident memory added: at most 10 MB', 'footprint', `resident memory added ${state}`, 10),
  ),
  atMost(
    'install size of core and prisma with their dependencies: at most 2.5 MB',
    'footprint',
    'install size of @fieldseal/core and @fieldseal/prisma with dependencies',
    2.5,
  ),
  ...[
    'one plaintext, random plaintexts',
    'one key, random keys',
    'forged: first byte of the tag, last byte',
    'forged: first byte of the text, last byte',
  ].map((name) => atMost(TIMING, 'timing', name, 10)),
  {
    goal: 'the timing test sees a leak of some ten nanoseconds: |t| at least 10',
    section: 'timing',
    case: 'a leak on purpose: 16 bytes compared one by one',
    candidate: 'fieldseal',
    against: null,
    sense: 'at least',
    limit: 10,
  },
  atMost('a hit of the cache of keys: at most 200 ns', 'cache', 'a hit among 1000 scopes', 200),
  atMost('ten thousand misses of a key at once: one unwrap', 'cache', 'unwraps per key for 10000 misses at once', 1),
  {
    goal: 'an 80/20 load over 100,000 scopes with room for 80,000: at least 95 % hits',
    section: 'cache',
    case: 'hits, 80/20 load over 100000 scopes, room for 80000',
    candidate: 'fieldseal',
    against: null,
    sense: 'at least',
    limit: 95,
  },
];
