import { encodeHeader } from '../cell.ts';
import { FieldsealError } from '../errors.ts';
import { observed, publish } from '../events.ts';
import { deriveFieldKey, deriveIndexKey, deriveKindKey } from '../kdf.ts';
import type { KeyStatus } from '../key-store/keyset-record.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { SUITES, type SuiteId } from '../suite.ts';
import { DerivedKeys } from './derived-keys.ts';

/** Scope of keys that serve the whole application. */
export const APPLICATION_SCOPE = '';

/** An unwrapped DEK with the field keys derived from it so far. */
export class DataKey {
  /** 16 hexadecimal digits. */
  readonly keyId: string;
  readonly suite: SuiteId;
  /** 9 bytes: what the cells of this key start with. */
  readonly header: Uint8Array;
  readonly #keys: DerivedKeys;
  #messages: number;
  #bytes = 0;

  /**
   * Takes ownership of `dek`.
   *
   * @param messages - what this process has encrypted under the key already
   */
  constructor(keyId: string, suite: SuiteId, dek: SecretBytes, messages: number = 0) {
    this.keyId = keyId;
    this.suite = suite;
    this.header = encodeHeader(suite, keyId);
    this.#keys = new DerivedKeys(dek);
    this.#messages = messages;
  }

  /** The DEK itself, for wrapping it again. It stays this object's. */
  get key(): SecretBytes {
    return this.#keys.from;
  }

  /** The key of one field, derived on first use. It stays this object's. */
  fieldKey(model: string, field: string): SecretBytes {
    return this.#keys.get([model, field], (dek) => deriveFieldKey(dek, this.suite, model, field));
  }

  /**
   * Counts messages that are about to be encrypted under this key by this process.
   *
   * @param bytes - of all of them together
   * @throws ERR_KEY_EXHAUSTED at the limit of the suite; at half of it an event of the channel `fieldseal:wear` is published
   */
  count(messages: number, bytes: number = 0): void {
    const limit = SUITES[this.suite].maxMessages;
    const before = this.#messages;
    if (before + messages > limit)
      throw new FieldsealError('ERR_KEY_EXHAUSTED', 'the key has encrypted all it may', { keyId: this.keyId });
    this.#messages += messages;
    this.#bytes += bytes;
    if (before < limit / 2 && this.#messages >= limit / 2 && observed('fieldseal:wear')) {
      publish('fieldseal:wear', { keyId: this.keyId, messages: this.#messages, limit });
    }
  }

  /** Messages encrypted by this process under the key. */
  get messages(): number {
    return this.#messages;
  }

  /** Bytes encrypted through this object. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Wipes the DEK and all keys derived from it. */
  wipe(): void {
    this.#keys.wipe();
  }
}

/** An unwrapped index root. */
export class IndexRoot {
  /** 16 hexadecimal digits. */
  readonly keyId: string;
  /** Version that the terms carry. */
  readonly version: number;
  readonly #keys: DerivedKeys;

  /** Takes ownership of `root`. */
  constructor(keyId: string, version: number, root: SecretBytes) {
    this.keyId = keyId;
    this.version = version;
    this.#keys = new DerivedKeys(root);
  }

  /** The root itself, for wrapping it again. It stays this object's. */
  get key(): SecretBytes {
    return this.#keys.from;
  }

  /** The HMAC key of one index, derived on first use. It stays this object's. */
  indexKey(model: string, field: string, indexName: string): SecretBytes {
    return this.#keys.get([model, field, indexName], (root) => deriveIndexKey(root, model, field, indexName));
  }

  /** The HMAC key of an index of another kind than plain equality, derived on first use. It stays this object's. */
  kindKey(
    kind: string,
    indexName: string,
    sources: readonly { readonly model: string; readonly field: string }[],
  ): SecretBytes {
    const names = sources.flatMap(({ model, field }) => [model, field]);
    return this.#keys.get([kind, indexName, ...names], (root) => deriveKindKey(root, kind, indexName, names));
  }

  /** Wipes the root and all keys derived from it. */
  wipe(): void {
    this.#keys.wipe();
  }
}

/** The keys of one scope as a query uses them: unwrapped, and without any way to wait. */
export interface KeyView {
  readonly scope: string;
  /** Encrypts. */
  readonly primary: DataKey;
  /** Makes the terms that name rows: the primary of {@link indexRoots}. */
  readonly indexRoot: IndexRoot;
  /** Enabled index roots, the primary first. There are two while the indexes are rotated. */
  readonly indexRoots: readonly IndexRoot[];
  /** Enabled keys by id. */
  readonly keys: ReadonlyMap<string, DataKey>;
  /** Status of every version by key id, the ones that cannot be used included. */
  readonly statuses: ReadonlyMap<string, KeyStatus>;
}

/**
 * The enabled index root of an odd version, or of an even one, or null. Of two enabled roots one is odd and one even: an index with two columns
 * has the terms of odd versions in the first and of even ones in the second.
 */
export function indexRootOf({ indexRoots }: KeyView, parity: 'odd' | 'even'): IndexRoot | null {
  return indexRoots.find(({ version }) => (version % 2 === 1) === (parity === 'odd')) ?? null;
}

/** Gives key views; a {@link Keyring}, or anything else that can. */
export interface KeySource {
  /** The view of a scope if it is in memory and knows all of `keyIds`; otherwise undefined, and {@link resolve} may find it. */
  peek(scope: string, keyIds?: Iterable<string>): KeyView | undefined;
  /**
   * The view of a scope. It looks for keys that it does not know yet, since another instance may have added one.
   *
   * @throws ERR_KEY_UNKNOWN when the scope has no keys; a key id that stays unknown is left to the cipher to report
   */
  resolve(scope: string, keyIds?: Iterable<string>): Promise<KeyView>;
  /**
   * The views of many scopes, each with the key ids that it should know, in one round trip where the key store can do that.
   *
   * @throws ERR_KEY_UNKNOWN when one of the scopes has no keys
   */
  resolveMany?(wanted: ReadonlyMap<string, Iterable<string>>): Promise<ReadonlyMap<string, KeyView>>;
  /** Makes the keys of a scope if it has none yet, and returns its view. Whoever races, one keyset is made. */
  addScope?(scope: string): Promise<KeyView>;
}
