import {
  type Environment,
  environmentOpeners,
  isFieldsealError,
  type KeyStatus,
  keyringFile,
  keyringPath,
  openKeyring,
} from '@fieldseal/core';

/** What a keyring knows of its keys, without the keys. */
export interface KeyDirectory {
  /** Status of each data key by its id. */
  readonly data: ReadonlyMap<string, KeyStatus>;
  /** Version of the index key that searches use. */
  readonly indexVersion: number;
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
      indexVersion: index?.versions.find(({ keyId }) => keyId === index.primary)?.version ?? 0,
    };
  } catch (error) {
    if (isFieldsealError(error)) return `${error.summary} (${error.code})`;
    throw error;
  }
}
