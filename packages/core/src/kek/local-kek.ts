import type { SecretBytes } from '../secret-bytes.ts';
import type { SuiteId } from '../suite.ts';
import type { KeyWrapper, WrapContext, WrapOptions } from './key-wrapper.ts';
import { dekAad, unwrapKey, wrapKey } from './wrapped-key.ts';

/** A KEK held in this process. It owns its key. */
export class LocalKek implements KeyWrapper {
  readonly id: string;
  readonly #key: SecretBytes;
  readonly #suite: SuiteId;

  constructor(id: string, key: SecretBytes, suite: SuiteId) {
    this.id = id;
    this.#key = key;
    this.#suite = suite;
  }

  /** The key itself, for wrapping it again. */
  get key(): SecretBytes {
    return this.#key;
  }

  async wrap(key: SecretBytes, context: WrapContext, options: WrapOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    return wrapKey(this.#key, this.#suite, key, dekAad(this.id, context));
  }

  async unwrap(wrapped: Uint8Array, context: WrapContext, options: WrapOptions = {}): Promise<SecretBytes> {
    options.signal?.throwIfAborted();
    return unwrapKey(this.#key, wrapped, dekAad(this.id, context), context.keyId);
  }

  /** Wipes the key; wrapping and unwrapping throw ERR_KEY_WIPED afterwards. */
  wipe(): void {
    this.#key.wipe();
  }
}
