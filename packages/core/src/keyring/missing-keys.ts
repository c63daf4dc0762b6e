/** How long an id that was not found is not looked for again, in ms: long enough that damaged cells cannot keep the storage busy. */
const FORGET_MS = 2000;

/** Ids that are remembered at most: whoever can write cells can make up ids without end. */
const MAX_IDS = 1000;

/** Key ids, and scopes, that were looked for in vain a moment ago. */
export class MissingKeys {
  readonly #since = new Map<string, number>();

  /** Whether the id was looked for in the scope within the last two seconds; without an id, whether the scope itself was. */
  has(scope: string, keyId: string = ''): boolean {
    const since = this.#since.get(`${keyId} ${scope}`);
    return since !== undefined && performance.now() - since < FORGET_MS;
  }

  /** Remembers that the id, or without one the scope itself, was not found now. */
  add(scope: string, keyId: string = ''): void {
    if (this.#since.size >= MAX_IDS) this.#since.clear();
    this.#since.set(`${keyId} ${scope}`, performance.now());
  }

  /** Forgets that a scope was not found. */
  forget(scope: string): void {
    this.#since.delete(` ${scope}`);
  }
}
