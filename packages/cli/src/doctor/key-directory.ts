import {
  APPLICATION_SCOPE,
  type Environment,
  environmentOpeners,
  isFieldsealError,
  type Keyring,
  type KeyStatus,
  type KeyView,
  keyringFile,
  keyringPath,
  openKeyring,
} from '@fieldseal/core';

/** What a keyring knows of its keys, without the keys. */
export interface KeyDirectory {
  /** Status of each data key by its id. */
  readonly data: ReadonlyMap<string, KeyStatus>;
  /** Versions of the index roots that searches use, that of the primary first. */
  readonly indexVersions: readonly number[];
}

/**
 * Reads the keyring that the environment opens.
 *
 * @returns the reason in words when it cannot be opened
 */
export async function keyDirectory(env: Environment, path: string = keyringPath(env)): Promise<KeyDirectory | string> {
  try {
    const keyring = await openKeyring({ storage: keyringFile(path), openers: environmentOpeners(env) });
    const { keysets } = await keyring.describe().finally(() => keyring.close());
    const data = keysets.flatMap((keyset) => keyset.data.versions);
    const index = keysets[0]?.index;
    return {
      data: new Map(data.map(({ keyId, status }) => [keyId, status])),
      indexVersions: (index?.versions ?? [])
        .filter(({ status }) => status === 'enabled')
        .sort((a, b) => Number(b.keyId === index?.primary) - Number(a.keyId === index?.primary))
        .map(({ version }) => version),
    };
  } catch (error) {
    if (isFieldsealError(error)) return `${error.summary} (${error.code})`;
    throw error;
  }
}

/**
 * Lets some work use the keys that the environment opens, and wipes them behind it.
 *
 * @param work - gets null when the keyring cannot be opened; {@link keyDirectory} tells why
 */
export async function withKeyView<Result>(
  env: Environment,
  path: string | undefined,
  work: (view: KeyView | null) => Promise<Result>,
): Promise<Result> {
  let keyring: Keyring | null = null;
  let view: KeyView | null = null;
  try {
    keyring = await openKeyring({ storage: keyringFile(path ?? keyringPath(env)), openers: environmentOpeners(env) });
    view = await keyring.resolve(APPLICATION_SCOPE);
  } catch (error) {
    if (!isFieldsealError(error)) throw error;
  }
  return work(view).finally(() => keyring?.close());
}
