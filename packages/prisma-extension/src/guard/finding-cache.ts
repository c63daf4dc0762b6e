import type { Finding } from './finding.ts';

/** Bounds of one generation; there are two. */
const MAX_TEXTS = 500;
const MAX_CHARACTERS = 2_000_000;

/**
 * What was found in the last texts, at most 1,000 of them and 4 million characters. Two generations stand in for a list by use: a hit costs one
 * look-up, and what was not asked for during a generation is dropped with it.
 */
export class FindingCache {
  #young = new Map<string, Finding>();
  #old = new Map<string, Finding>();
  #characters = 0;

  /** The finding of a text, made by `analyse` where it is not known. */
  get(sql: string, analyse: (sql: string) => Finding): Finding {
    const young = this.#young.get(sql);
    if (young !== undefined) return young;
    const finding = this.#old.get(sql) ?? analyse(sql);
    if (sql.length > MAX_CHARACTERS) return finding;
    if (this.#young.size >= MAX_TEXTS || this.#characters + sql.length > MAX_CHARACTERS) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#characters = 0;
    }
    this.#young.set(sql, finding);
    this.#characters += sql.length;
    return finding;
  }

  /** Texts that are kept. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
