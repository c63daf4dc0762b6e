import type { Needle, Spelling } from './spelling.ts';

/** Where a canary was found. What stands around it is never kept. */
export interface ScanFinding {
  /** Bytes before the finding. */
  readonly offset: number;
  /** Position of the canary in the list that was looked for. */
  readonly canary: number;
  readonly spelling: Spelling;
}

/**
 * Looks for needles in a stream of chunks. The end of each chunk is kept, so that a needle across a border is found, and found
 * once.
 */
export class ScanWindow {
  readonly #needles: readonly Needle[];
  readonly #kept: number;
  #tail: Buffer = Buffer.alloc(0);
  #read = 0;

  constructor(needles: readonly Needle[]) {
    this.#needles = needles;
    this.#kept = Math.max(...needles.map(({ bytes }) => bytes.length)) - 1;
  }

  /** The findings that end in this chunk, in order of their offset. The chunk may be reused afterwards. */
  push(chunk: Uint8Array): ScanFinding[] {
    const window = Buffer.concat([this.#tail, chunk]);
    const start = this.#read - this.#tail.length;
    const findings: ScanFinding[] = [];
    for (const { canary, spelling, bytes } of this.#needles) {
      // A needle that ends in the tail was reported with the chunk before.
      const from = Math.max(0, this.#tail.length - bytes.length + 1);
      for (let at = indexOf(window, bytes, from); at >= 0; at = indexOf(window, bytes, at + 1)) {
        findings.push({ offset: start + at, canary, spelling });
      }
    }
    this.#read += chunk.length;
    this.#tail = window.subarray(Math.max(0, window.length - this.#kept));
    return findings.sort((a, b) => a.offset - b.offset);
  }
}

/**
 * As `haystack.indexOf(needle, from)`. Database files are mostly zeros, and a search for bytes that begin with a zero stops at
 * each of them, hundreds of times slower; so the search is for what follows the zero.
 */
function indexOf(haystack: Buffer, needle: Buffer, from: number): number {
  if (needle[0] !== 0) return haystack.indexOf(needle, from);
  const rest = needle.subarray(1);
  let at = haystack.indexOf(rest, from + 1);
  while (at >= 0 && haystack[at - 1] !== 0) at = haystack.indexOf(rest, at + 1);
  return at < 0 ? -1 : at - 1;
}
