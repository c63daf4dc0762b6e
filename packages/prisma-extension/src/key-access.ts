import {
  APPLICATION_SCOPE,
  FieldsealError,
  type KeySource,
  type KeyView,
  openEnvironmentKeyring,
} from '@fieldseal/core';

/** Where keys come from: an open keyring, or a function that opens one. */
export type KeyringOption = KeySource | (() => Promise<KeySource>);

/** The keys of one extended client. With warm keys nothing waits, so that Prisma still batches queries of the same tick. */
export class KeyAccess {
  readonly #open: () => Promise<KeySource>;
  #keys: KeySource | undefined;
  #opening: Promise<KeySource> | undefined;

  /**
   * @param keyring - by default the keyring of the environment, opened for the first query that needs a key
   * @throws ERR_OPTIONS for anything else
   */
  constructor(keyring: KeyringOption | undefined) {
    this.#open = typeof keyring === 'function' ? keyring : openEnvironmentKeyring;
    if (keyring === undefined || typeof keyring === 'function') return;
    this.#keys = checked(keyring);
  }

  /** The view of the keys if it is in memory and knows all of `keyIds`. */
  peek(keyIds?: Iterable<string>): KeyView | undefined {
    return this.#keys?.peek(APPLICATION_SCOPE, keyIds);
  }

  /**
   * The view of the keys. The keyring is opened once, whatever races; a failure is reported to every query that waits, and the next one
   * tries again.
   */
  async resolve(keyIds: Iterable<string> = []): Promise<KeyView> {
    if (this.#keys === undefined) {
      const open = () => Promise.resolve().then(this.#open);
      this.#opening ??= open().finally(() => {
        this.#opening = undefined;
      });
      this.#keys = checked(await this.#opening);
    }
    return this.#keys.peek(APPLICATION_SCOPE, keyIds) ?? (await this.#keys.resolve(APPLICATION_SCOPE, keyIds));
  }
}

function checked(keyring: KeySource): KeySource {
  if (typeof (keyring as Partial<KeySource> | null | undefined)?.peek === 'function') return keyring;
  const hint = 'Give an open keyring (await openKeyring(…)), or a function that opens one.';
  throw new FieldsealError('ERR_OPTIONS', 'the option keyring of encryption() is no keyring', { hint });
}
