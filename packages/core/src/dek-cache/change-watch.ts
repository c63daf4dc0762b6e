import type { Circuit } from './circuit.ts';
import type { SharedBox } from './shared-box.ts';
import type { ChangeFeed } from './shared-cache.ts';

/** How long an announcement may be under way after it was counted, in ms. */
const UNDERWAY_MS = 200;

/** Announcements that may arrive before an earlier one; where there are more, the count finds what is missing. */
const MAX_AHEAD = 1000;

/** What a {@link ChangeWatch} reports. */
export interface ChangeListener {
  /** A keyset has at least this generation. */
  changed(scope: string, generation: number): void;
  /** Any keyset may have changed. `missed`: an announcement was lost, which it was not when watching has only begun. */
  anything(missed: boolean): void;
  /** An announcement was not of this keyring. */
  refused(): void;
}

/**
 * Hears of changes that other processes made, and announces this one's.
 *
 * Messages may be lost while a connection is made again. Every announcement is therefore counted as well, and the count is compared every few
 * seconds with what was heard: where they differ, anything may have changed. An announcement that could not be made is owed, and made up for
 * when the feed is back. Where the feed stays away, the age of what is cached is the bound.
 */
export class ChangeWatch {
  readonly #feed: ChangeFeed;
  readonly #channel: string;
  readonly #circuit: Circuit;
  readonly #box: SharedBox;
  readonly #listener: ChangeListener;
  readonly #polling: NodeJS.Timeout;
  readonly #unlisten: (() => void) | undefined;
  readonly #ahead = new Set<number>();
  /** All announcements up to this count were heard; undefined until the first count is known. */
  #heardTo: number | undefined;
  #owed = false;
  #stopped = false;

  constructor(feed: ChangeFeed, circuit: Circuit, box: SharedBox, pollMs: number, listener: ChangeListener) {
    this.#feed = feed;
    this.#channel = box.common('changes');
    this.#circuit = circuit;
    this.#box = box;
    this.#listener = listener;
    this.#unlisten = feed.listen?.(
      this.#channel,
      (text, count) => this.#hear(text, count),
      () => void this.poll(),
    );
    this.#polling = setInterval(() => void this.poll(), pollMs).unref();
    void this.poll();
  }

  /** Tells the others that a keyset has a new generation. Resolves when they were told, or it is known that they cannot be told now. */
  async announce(scope: string, generation: number): Promise<void> {
    await this.#tell({ scope, generation });
  }

  /** Compares the count with what was heard, and makes up for what is owed. Never rejects. */
  async poll(): Promise<void> {
    if (this.#owed && !this.#stopped) await this.#tell({});
    const before = this.#heardTo;
    const count = await this.#circuit.run(() => this.#feed.count(this.#channel), null);
    if (count === null || this.#stopped) return;
    if (before === undefined) {
      this.#heardTo ??= count;
      this.#listener.anything(false); // what was read before may have changed before the first count
      return;
    }
    if (count === before) return;
    if (count > before && this.#unlisten !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, UNDERWAY_MS).unref());
      if ((this.#heardTo ?? 0) >= count || this.#stopped) return;
    }
    this.#heardTo = count;
    this.#ahead.clear();
    this.#listener.anything(true);
  }

  /** Ends it. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#polling);
    this.#unlisten?.();
  }

  async #tell(content: object): Promise<void> {
    const text = this.#box.seal(this.#channel, content);
    const told = await this.#circuit.run(() => this.#feed.announce(this.#channel, text).then(() => true), false);
    this.#owed = !told;
  }

  #hear(text: string, count: number): void {
    if (this.#stopped) return;
    const content = this.#box.open(this.#channel, text) as { scope?: string; generation?: number } | null;
    if (content === null) {
      this.#listener.refused();
      return;
    }
    this.#note(count);
    const { scope, generation } = content;
    if (scope === undefined || generation === undefined) this.#listener.anything(true);
    else this.#listener.changed(scope, generation);
  }

  #note(count: number): void {
    if (this.#heardTo === undefined || count <= this.#heardTo) return;
    if (this.#ahead.size >= MAX_AHEAD) this.#ahead.clear();
    this.#ahead.add(count);
    while (this.#ahead.delete(this.#heardTo + 1)) this.#heardTo++;
  }
}
