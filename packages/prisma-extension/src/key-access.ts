import {
  APPLICATION_SCOPE,
  FieldsealError,
  IndexRoot,
  isFieldsealError,
  type KeySource,
  type KeyView,
  openEnvironmentKeyring,
  SecretBytes,
} from '@fieldseal/core';

/** Where keys come from: an open keyring, or a function that opens one. */
export type KeyringOption = KeySource | (() => Promise<KeySource>);

/** Views of scopes, by scope. */
export type KeyViews = ReadonlyMap<string, KeyView>;

/** What a view has to hold: for cells that are read the key ids, by scope. */
export type WantedKeys = ReadonlyMap<string, ReadonlySet<string>>;

/** The keys of one extended client. With warm keys nothing waits, so that Prisma still batches queries of the same tick. */
export class KeyAccess {
  readonly #open: () => Promise<KeySource>;
  readonly #createScopes: boolean;
  readonly #making = new Map<string, Promise<KeyView>>();
  #keys: KeySource | undefined;
  #opening: Promise<KeySource> | undefined;

  /**
   * @param keyring - by default the keyring of the environment, opened for the first query that needs a key
   * @param createScopes - whether a scope that something is written in gets keys where it has none
   * @throws ERR_OPTIONS for anything else
   */
  constructor(keyring: KeyringOption | undefined, createScopes = true) {
    this.#open = typeof keyring === 'function' ? keyring : openEnvironmentKeyring;
    this.#createScopes = createScopes;
    if (keyring === undefined || typeof keyring === 'function') return;
    this.#keys = checked(keyring);
  }

  /** The view of a scope if it is in memory and knows all of `keyIds`. */
  peek(scope: string, keyIds?: Iterable<string>): KeyView | undefined {
    return this.#keys?.peek(scope, keyIds);
  }

  /** The views of all scopes if they are in memory and know all key ids. */
  peekMany(wanted: Iterable<readonly [scope: string, keyIds?: unknown]>): KeyViews | undefined {
    const views = new Map<string, KeyView>();
    for (const [scope, keyIds] of wanted) {
      const view = this.peek(scope, keyIds instanceof Set ? keyIds : undefined);
      if (view === undefined) return undefined;
      views.set(scope, view);
    }
    return views;
  }

  /**
   * The views of scopes for cells that are read, in one round trip where the keyring can do that.
   *
   * @throws ERR_SCOPE_MISMATCH when a scope has no keys, and so no cells
   */
  async forReading(wanted: WantedKeys): Promise<KeyViews> {
    const keys = await this.#opened();
    try {
      if (wanted.size > 1 && keys.resolveMany !== undefined) return await keys.resolveMany(wanted);
      const views = [...wanted].map(
        async ([scope, keyIds]) => [scope, keys.peek(scope, keyIds) ?? (await keys.resolve(scope, keyIds))] as const,
      );
      return new Map(await Promise.all(views));
    } catch (error) {
      const scoped = [...wanted.keys()].some((scope) => scope !== APPLICATION_SCOPE);
      if (!scoped || !isFieldsealError(error, 'ERR_KEY_UNKNOWN')) throw error;
      throw new FieldsealError('ERR_SCOPE_MISMATCH', 'a cell stands in a scope that has no keys');
    }
  }

  /**
   * The views of scopes for what a query writes and looks for. Where something is written in a scope without keys, they are made, once whatever
   * races; where something is looked for in one, it is found nowhere.
   *
   * @param scopes - with whether something is written
   * @throws ERR_KEY_UNKNOWN where a scope has no keys and they are not made
   */
  async forQuery(scopes: ReadonlyMap<string, boolean>): Promise<KeyViews> {
    const keys = await this.#opened();
    if (scopes.size > 1 && keys.resolveMany !== undefined) {
      try {
        return await keys.resolveMany(new Map([...scopes.keys()].map((scope) => [scope, []])));
      } catch (error) {
        if (!isFieldsealError(error, 'ERR_KEY_UNKNOWN')) throw error; // one of them has no keys yet
      }
    }
    const views = [...scopes].map(async ([scope, writes]) => [scope, await this.#view(keys, scope, writes)] as const);
    return new Map(await Promise.all(views));
  }

  async #view(keys: KeySource, scope: string, writes: boolean): Promise<KeyView> {
    try {
      return keys.peek(scope) ?? (await keys.resolve(scope));
    } catch (error) {
      if (scope === APPLICATION_SCOPE || !isFieldsealError(error, 'ERR_KEY_UNKNOWN')) throw error;
      if (!writes) return emptyView(scope);
      if (!this.#createScopes || keys.addScope === undefined)
        throw new FieldsealError('ERR_KEY_UNKNOWN', 'the scope has no keys', {
          cause: error,
          hint: 'Make them by keyring.addScope(scope), or let encryption({ createScopes: true }) do it.',
        });
      return this.#made(keys, scope);
    }
  }

  #made(keys: KeySource, scope: string): Promise<KeyView> {
    const making = this.#making.get(scope);
    if (making !== undefined) return making;
    const made = (keys.addScope as NonNullable<KeySource['addScope']>)
      .call(keys, scope)
      .finally(() => this.#making.delete(scope));
    this.#making.set(scope, made);
    return made;
  }

  /** The keyring. It is opened once, whatever races; a failure is reported to every query that waits, and the next one tries again. */
  async #opened(): Promise<KeySource> {
    if (this.#keys === undefined) {
      const open = () => Promise.resolve().then(this.#open);
      this.#opening ??= open().finally(() => {
        this.#opening = undefined;
      });
      this.#keys = checked(await this.#opening);
    }
    return this.#keys;
  }
}

/** A view whose terms are found nowhere: the scope has no keys, and so no rows with terms. It encrypts nothing. */
function emptyView(scope: string): KeyView {
  const keyId = '0'.repeat(16);
  const indexRoot = new IndexRoot(keyId, 0, SecretBytes.random(32)); // no term that is stored has the version 0
  const none = (): never => {
    throw new FieldsealError('ERR_KEY_UNKNOWN', 'the scope has no keys');
  };
  return {
    scope,
    get primary(): never {
      return none();
    },
    indexRoot,
    indexRoots: [indexRoot],
    keys: new Map(),
    statuses: new Map(),
  };
}

function checked(keyring: KeySource): KeySource {
  if (typeof (keyring as Partial<KeySource> | null | undefined)?.peek === 'function') return keyring;
  const hint = 'Give an open keyring (await openKeyring(…)), or a function that opens one.';
  throw new FieldsealError('ERR_OPTIONS', 'the option keyring of encryption() is no keyring', { hint });
}
