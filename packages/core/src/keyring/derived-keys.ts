import type { SecretBytes } from '../secret-bytes.ts';

/** A key and the keys that were derived from it so far, which live and are wiped together. */
export class DerivedKeys {
  /** The key that the others are derived from. */
  readonly from: SecretBytes;
  readonly #keys = new Map<string, SecretBytes>();

  /** Takes ownership of `from`. */
  constructor(from: SecretBytes) {
    this.from = from;
  }

  /** The key of these names: made by `derive` on first use, and this object's. Throws ERR_KEY_WIPED after {@link wipe}. */
  get(names: readonly string[], derive: (from: SecretBytes) => SecretBytes): SecretBytes {
    // The lengths tell where a name ends, whatever characters it has.
    const name = names.map((part) => `${part.length} ${part}`).join('');
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = derive(this.from);
    this.#keys.set(name, key);
    return key;
  }

  /** Wipes the key and all that was derived from it. */
  wipe(): void {
    this.from.wipe();
    for (const key of this.#keys.values()) key.wipe();
    this.#keys.clear();
  }
}
