import type { FieldSpec } from './field-spec.ts';
import type { DataKey } from './keyring/key-view.ts';
import type { SecretBytes } from './secret-bytes.ts';

/** The keys of fields, found by the field's spec instead of its names. They stay those of their data key, which wipes them. */
export class FieldKeys {
  readonly #byKey = new WeakMap<DataKey, WeakMap<FieldSpec, SecretBytes>>();
  #last: DataKey | undefined;
  #keys = new WeakMap<FieldSpec, SecretBytes>();

  /** Key of a field, borrowed for the batch. Throws ERR_KEY_WIPED after it was wiped. */
  get(from: DataKey, spec: FieldSpec): Uint8Array {
    if (from !== this.#last) {
      this.#keys = this.#byKey.get(from) ?? new WeakMap();
      this.#byKey.set(from, this.#keys);
      this.#last = from;
    }
    const known = this.#keys.get(spec);
    if (known !== undefined) return known.expose();
    const key = from.fieldKey(spec.context.model, spec.context.field);
    this.#keys.set(spec, key);
    return key.expose();
  }
}
