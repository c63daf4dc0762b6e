import { cellTextPrefix, TEXT_HEADER_CHARACTERS } from './cell.ts';
import type { DataKey, KeyView } from './keyring/key-view.ts';

/** Places of a text's key id that tell keys apart; its characters there are looked at first. */
const PROBES = [6, 9, 12, 15] as const;

/** The enabled keys of a view by the first characters of their text cells, so that a cell's key is known before it is decoded. */
export class KeyPrefixes {
  readonly #keys: ReadonlyMap<string, DataKey>;
  #last: DataKey | undefined;
  /** Codes of the characters at {@link PROBES} in the texts of the last key. */
  #probes: readonly number[] = [];

  constructor(view: KeyView) {
    this.#keys = new Map([...view.keys.values()].map((key) => [cellTextPrefix(key.suite, key.keyId), key]));
  }

  /**
   * The key that a text seems to name, if the view holds it enabled: most cells of a result are under one key, and four characters tell
   * whether this one is. Comparing all would take as long as opening the cell; whoever uses the key compares the header.
   */
  guess(text: string): DataKey | undefined {
    const [a, b, c, d] = this.#probes;
    const same =
      text.charCodeAt(PROBES[0]) === a &&
      text.charCodeAt(PROBES[1]) === b &&
      text.charCodeAt(PROBES[2]) === c &&
      text.charCodeAt(PROBES[3]) === d;
    if (same) return this.#last;
    const key = this.#keys.get(text.slice(0, TEXT_HEADER_CHARACTERS));
    if (key === undefined) return undefined;
    this.#last = key;
    this.#probes = PROBES.map((at) => text.charCodeAt(at));
    return key;
  }
}
