import { cellTextPrefix, TEXT_HEADER_CHARACTERS } from './cell.ts';
import type { DataKey, KeyView } from './keyring/key-view.ts';

/** The enabled keys of a view by the first characters of their text cells, so that a cell's key is known before it is decoded. */
export class KeyPrefixes {
  readonly #keys: ReadonlyMap<string, DataKey>;
  #last = '-';
  #lastKey: DataKey | undefined;

  constructor(view: KeyView) {
    this.#keys = new Map([...view.keys.values()].map((key) => [cellTextPrefix(key.suite, key.keyId), key]));
  }

  /** The key that a text names, if the view holds it enabled. */
  keyOf(text: string): DataKey | undefined {
    if (text.startsWith(this.#last)) return this.#lastKey; // most cells of a result are under one key
    const prefix = text.slice(0, TEXT_HEADER_CHARACTERS);
    const key = this.#keys.get(prefix);
    if (key !== undefined) {
      this.#last = prefix;
      this.#lastKey = key;
    }
    return key;
  }
}
