/** How long keys that left the cache can still be used, in ms: from a second to two. */
const REST_MS = 1000;

/** Keys to be wiped. */
export interface Wipeable {
  /** Overwrites the keys. */
  wipe(): void;
}

/**
 * Keys that left the cache for want of room or for their age. They are wiped a little later, not at once: a query that was given them may be
 * waiting for the end of a promise, and uses them without asking again. Keys that were revoked do not come here.
 */
export class RetiredKeys {
  #resting: Wipeable[] = [];
  #due: Wipeable[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Wipes it in one to two seconds. */
  add(keys: Wipeable): void {
    this.#resting.push(keys);
    this.#timer ??= setInterval(() => this.#turn(), REST_MS).unref();
  }

  /** Wipes all of them now. */
  wipe(): void {
    for (const keys of [...this.#due, ...this.#resting]) keys.wipe();
    this.#due = [];
    this.#resting = [];
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #turn(): void {
    for (const keys of this.#due) keys.wipe();
    this.#due = this.#resting;
    this.#resting = [];
    if (this.#due.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
