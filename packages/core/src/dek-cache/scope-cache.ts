/** How long a reading of the wall clock serves, in ms by the monotonic one: reading both would be most of what a hit costs. */
const WALL_MS = 10;

/** A value of a {@link ScopeCache} and when it was made. */
export interface ScopeEntry<Value> {
  value: Value;
  /** When it was made, by the monotonic clock, in ms. */
  monotonic: number;
  /** When it was made, in ms since the Unix epoch. */
  wall: number;
  /** Its age in ms when it was last asked for. */
  age: number;
  /** Whether it was asked for since the hand of the eviction passed. */
  visited: boolean;
}

/**
 * Values by scope, bounded in number and age.
 *
 * Which one goes is decided by SIEVE (Zhang et al., NSDI 2024): a hand moves from old to new entries, takes the first that was not asked for
 * since it last passed, and spares the others once. A hit writes one flag and moves nothing, which is why it costs less than an LRU.
 */
export class ScopeCache<Value> {
  readonly #entries = new Map<string, ScopeEntry<Value>>();
  readonly #capacity: number;
  readonly #maxAgeMs: number;
  readonly #drop: (value: Value) => void;
  #hand: Iterator<[string, ScopeEntry<Value>]>;
  #sweeping: NodeJS.Timeout | undefined;
  /** The wall clock, in ms since the Unix epoch, and when it was read, by the monotonic one. */
  #wall = 0;
  #wallReadAt: number = Number.NEGATIVE_INFINITY;
  /** Entries that had to go because there was no room. */
  evictions = 0;

  /** @param drop - called with each value that leaves, except one that is replaced */
  constructor(capacity: number, maxAgeMs: number, drop: (value: Value) => void) {
    this.#capacity = capacity;
    this.#maxAgeMs = maxAgeMs;
    this.#drop = drop;
    this.#hand = this.#entries.entries();
  }

  /** Number of entries, some of which may be too old. */
  get size(): number {
    return this.#entries.size;
  }

  /** The entry of a scope, marked as asked for; undefined when there is none, or it is too old. */
  get(scope: string): ScopeEntry<Value> | undefined {
    const entry = this.#entries.get(scope);
    if (entry === undefined) return undefined;
    entry.age = this.#ageOf(entry);
    if (entry.age > this.#maxAgeMs) return undefined;
    entry.visited = true;
    return entry;
  }

  /** The entry of a scope even if it is too old, not marked. */
  find(scope: string): ScopeEntry<Value> | undefined {
    return this.#entries.get(scope);
  }

  /**
   * Keeps a value in the place of one before.
   *
   * @param wall - when it was made, in ms since the Unix epoch
   */
  set(scope: string, value: Value, wall: number): void {
    const monotonic = performance.now() - (Date.now() - wall);
    const known = this.#entries.get(scope);
    if (known !== undefined) {
      Object.assign(known, { value, monotonic, wall });
      return;
    }
    if (this.#capacity === 0) {
      this.#drop(value);
      return;
    }
    if (this.#entries.size >= this.#capacity) this.#evict();
    this.#entries.set(scope, { value, monotonic, wall, age: 0, visited: false });
    this.#sweeping ??= setInterval(() => this.sweep(), this.#maxAgeMs / 10).unref();
  }

  /** All scopes that are kept. */
  scopes(): string[] {
    return [...this.#entries.keys()];
  }

  /** Takes the value of a scope out, which is then the caller's. */
  take(scope: string): Value | undefined {
    const value = this.#entries.get(scope)?.value;
    this.#entries.delete(scope);
    return value;
  }

  /** Drops what is too old, though nobody asks for it: keys do not stay in memory for it. Called by a timer as well. */
  sweep(): void {
    for (const [scope, entry] of this.#entries) if (this.#ageOf(entry) > this.#maxAgeMs) this.#remove(scope, entry);
    if (this.#entries.size === 0) this.#stop();
  }

  /** Drops everything. */
  clear(): void {
    for (const [scope, entry] of this.#entries) this.#remove(scope, entry);
    this.#stop();
  }

  /** Age of an entry in ms. The monotonic clock may stand still while a machine sleeps, and the wall clock may be set back: the longer time counts. */
  #ageOf({ monotonic, wall }: ScopeEntry<Value>): number {
    const now = performance.now();
    if (now - this.#wallReadAt > WALL_MS) {
      this.#wall = Date.now();
      this.#wallReadAt = now;
    }
    return Math.max(now - monotonic, this.#wall - wall);
  }

  #evict(): void {
    for (;;) {
      let next = this.#hand.next();
      if (next.done === true) {
        this.#hand = this.#entries.entries();
        next = this.#hand.next();
      }
      const [scope, entry] = next.value as [string, ScopeEntry<Value>];
      if (!entry.visited) {
        this.evictions++;
        this.#remove(scope, entry);
        return;
      }
      entry.visited = false;
    }
  }

  #remove(scope: string, { value }: ScopeEntry<Value>): void {
    this.#entries.delete(scope);
    this.#drop(value);
  }

  #stop(): void {
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }
}
