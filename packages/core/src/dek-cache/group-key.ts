import { fromBase64Url, pae, toBase64Url } from '../bytes.ts';
import { deriveKeyId, KEY_BYTES, LABELS } from '../kdf.ts';
import type { KeyWrapper, WrapContext } from '../kek/key-wrapper.ts';
import { unwrapKey, wrapKey } from '../kek/wrapped-key.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { SuiteId } from '../suite.ts';
import type { Circuit } from './circuit.ts';
import type { SharedBox } from './shared-box.ts';
import type { SharedCache } from './shared-cache.ts';
import type { GroupWrapped } from './shared-tier.ts';

/** How long a group key serves, in ms. */
const EPOCH_MS = 24 * 60 * 60 * 1000;

/** How long a key service that failed, or an entry that it did not open, is not asked again, in ms. */
const PAUSE_MS = 60_000;

/** A group key in use. */
interface Group {
  readonly keyId: string;
  readonly key: SecretBytes;
}

/** A group key as it is stored: wrapped by the key service. */
interface StoredGroup {
  readonly keyId: string;
  readonly kekId: string;
  /** base64url */
  readonly wrapped: string;
}

/**
 * A key that processes share for a day so that they need not ask a remote key service for every DEK: it is random, the key service wraps it,
 * and DEKs are wrapped again under it. Each process asks the service for it once a day, or a few times where it could not be shared.
 *
 * Its price: a key service that is closed to a process keeps a process that has the group key from new DEKs only when the day ends. What ends
 * the use of one DEK is disabling it.
 */
export class GroupKey {
  readonly #cache: SharedCache;
  readonly #circuit: Circuit;
  readonly #box: SharedBox;
  readonly #wrapper: () => KeyWrapper;
  readonly #suite: SuiteId;
  #epoch = -1;
  #current: Promise<Group | undefined> = Promise.resolve(undefined);

  /** @param wrapper - the remote KEK that wraps new keys */
  constructor(cache: SharedCache, circuit: Circuit, box: SharedBox, wrapper: () => KeyWrapper, suite: SuiteId) {
    this.#cache = cache;
    this.#circuit = circuit;
    this.#box = box;
    this.#wrapper = wrapper;
    this.#suite = suite;
  }

  /** Wraps keys of a scope; undefined when there is no group key now. The keys stay the caller's. */
  async wrap(keys: readonly (readonly [WrapContext, SecretBytes])[]): Promise<GroupWrapped | undefined> {
    const group = await this.#group();
    if (group === undefined) return undefined;
    const wrapped = keys.map(([context, key]) => [
      context.keyId,
      toBase64Url(wrapKey(group.key, this.#suite, key, aad(group.keyId, context))),
    ]);
    return { id: group.keyId, keys: Object.fromEntries(wrapped) as GroupWrapped['keys'] };
  }

  /** Unwraps a key; undefined when it is not there, is under another group key, or is not the one that its id commits to. */
  async unwrap({ id, keys }: GroupWrapped, context: WrapContext): Promise<SecretBytes | undefined> {
    const group = await this.#group();
    const bytes = fromBase64Url(keys[context.keyId] ?? '');
    if (group?.keyId !== id || bytes === null || bytes.length === 0) return undefined;
    try {
      const key = unwrapKey(group.key, bytes, aad(id, context), context.keyId);
      if (deriveKeyId(key) === context.keyId) return key;
      key.wipe();
    } catch {
      // Whatever it is, the KEK is asked instead.
    }
    return undefined;
  }

  /** Wipes the key. */
  wipe(): void {
    void this.#current.then((group) => group?.key.wipe());
    this.#current = Promise.resolve(undefined);
    this.#epoch = Number.POSITIVE_INFINITY;
  }

  /** The key of this epoch. Whoever asks together waits for one answer of the key service. */
  #group(): Promise<Group | undefined> {
    const epoch = Math.floor(Date.now() / EPOCH_MS);
    if (epoch <= this.#epoch) return this.#current;
    const old = this.#current;
    this.#epoch = epoch;
    this.#current = this.#join(epoch).catch(() => {
      setTimeout(() => {
        if (this.#epoch === epoch) this.#epoch = -1;
      }, PAUSE_MS).unref();
      return undefined;
    });
    // Whoever waited for it has it already, and uses it at once.
    void old.then((group) => setImmediate(() => group?.key.wipe()));
    return this.#current;
  }

  async #join(epoch: number): Promise<Group> {
    const name = `${this.#box.common('group')}:${epoch}`;
    const kek = this.#wrapper();
    const there = await this.#stored(name);
    if (there !== null && there.kekId === kek.id) return this.#opened(kek, there);
    const key = SecretBytes.random(KEY_BYTES);
    const keyId = deriveKeyId(key);
    const wrapped = toBase64Url(await kek.wrap(key, groupContext(keyId)));
    const entry = { key: name, text: this.#box.seal(name, { keyId, kekId: kek.id, wrapped }), ttlMs: EPOCH_MS };
    await this.#circuit.run(() => this.#cache.put([entry], there !== null), undefined);
    // Another process may have been first, or this one may be alone.
    const stored = await this.#stored(name);
    if (stored === null || stored.keyId === keyId || stored.kekId !== kek.id) return { keyId, key };
    key.wipe();
    return this.#opened(kek, stored);
  }

  async #opened(kek: KeyWrapper, { keyId, wrapped }: StoredGroup): Promise<Group> {
    const key = await kek.unwrap(fromBase64Url(wrapped) ?? new Uint8Array(0), groupContext(keyId));
    return { keyId, key };
  }

  async #stored(name: string): Promise<StoredGroup | null> {
    const [text] = await this.#circuit.run(() => this.#cache.get([name]), [null]);
    return text == null ? null : (this.#box.open(name, text) as StoredGroup | null);
  }
}

function groupContext(keyId: string): WrapContext {
  return { keyId, scope: '', purpose: 'group' };
}

/** AAD of a DEK under a group key. */
function aad(groupId: string, { keyId, scope, purpose }: WrapContext): Uint8Array {
  return pae(LABELS.cacheKey, groupId, keyId, scope, purpose);
}
