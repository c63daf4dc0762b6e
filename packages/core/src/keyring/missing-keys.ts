/** How long an id that was not found is not looked for again, in ms: long enough that damaged cells cannot keep the storage busy. */
const FORGET_MS = 1000;

/** Ids that are remembered at most: whoever can write cells can make up ids without end. */
const MAX_IDS = 1000;

/** Key ids that were looked for in vain a moment ago. */
export class MissingKeys {
  readonly #since = new Map<string, number>();

  /** Whether the id was looked for in the scope within the last second. */
  has(scope: string, keyId: string): boolean {
    const since = this.#since.get(`${keyId} ${scope}`);
    return since !== undefined && performance.now() - since < FORGET_MS;
  }

  /** Remembers that the id was not found now. */
  add(scope: string, keyId: string): void {
    if (this.#since.size >= MAX_IDS) this.#since.clear();
    this.#since.set(`${keyId} ${scope}`, performance.now());
  }
}
