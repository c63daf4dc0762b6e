import {
  APPLICATION_SCOPE,
  environmentOpeners,
  isFieldsealError,
  type Keyring,
  type KeyStatus,
  type KeysetRecord,
  type KeyView,
  keyringFile,
  keyringPath,
  openKeyring,
} from '@fieldseal/core';
import { CliError } from '../cli-error.ts';
import type { Command, CommandInput } from '../command.ts';
import { withKeyStore } from '../commands/keys/request.ts';

/** What a keyring knows of its keys, without the keys. */
export interface KeyDirectory {
  /** Status of each data key by its id, of all scopes. */
  readonly data: ReadonlyMap<string, KeyStatus>;
  /** Versions of the index roots of the application that searches use, that of the primary first. */
  readonly indexVersions: readonly number[];
}

type Request = Pick<CommandInput, 'options' | 'env'>;

/** Scopes that are read in one round trip. */
const PER_READING = 500;

/**
 * Reads the keyring that the environment opens, with its key store.
 *
 * @returns the reason in words when it cannot be opened
 */
export async function keyDirectory(command: Command, request: Request): Promise<KeyDirectory | string> {
  try {
    return await withKeyring(command, request, async (keyring) => {
      const data = new Map<string, KeyStatus>();
      for await (const keyset of keysetsOf(keyring))
        for (const { keyId, status } of keyset.data.versions) data.set(keyId, status);
      const [application] = (await keyring.describe()).keysets;
      const index = application?.index;
      return {
        data,
        indexVersions: (index?.versions ?? [])
          .filter(({ status }) => status === 'enabled')
          .sort((a, b) => Number(b.keyId === index?.primary) - Number(a.keyId === index?.primary))
          .map(({ version }) => version),
      };
    });
  } catch (error) {
    if (isFieldsealError(error)) return `${error.summary} (${error.code})`;
    if (error instanceof CliError && error.code === 'ERR_DATABASE') return `${error.message} (${error.code})`;
    throw error;
  }
}

/**
 * Lets some work use the keys that the environment opens, and wipes them behind it.
 *
 * @param work - gets null when the keyring cannot be opened; {@link keyDirectory} tells why
 */
export async function withKeyView<Result>(
  command: Command,
  request: Request,
  work: (view: KeyView | null) => Promise<Result>,
): Promise<Result> {
  let opened = false;
  try {
    return await withKeyring(command, request, async (keyring) => {
      const view = await keyring.resolve(APPLICATION_SCOPE);
      opened = true;
      return work(view);
    });
  } catch (error) {
    if (opened || !(isFieldsealError(error) || error instanceof CliError)) throw error;
    return work(null);
  }
}

function withKeyring<T>(command: Command, request: Request, work: (keyring: Keyring) => Promise<T>): Promise<T> {
  const { options, env } = request;
  return withKeyStore(command, request, async (keyStore) => {
    const storage = keyringFile(options['keyring'] ?? keyringPath(env));
    const keyring = await openKeyring({ storage, openers: environmentOpeners(env), ...keyStore });
    return work(keyring).finally(() => keyring.close());
  });
}

async function* keysetsOf(keyring: Keyring): AsyncGenerator<KeysetRecord> {
  let scopes: string[] = [];
  for await (const scope of keyring.scopes()) {
    scopes.push(scope);
    if (scopes.length < PER_READING) continue;
    yield* (await keyring.describe(scopes)).keysets;
    scopes = [];
  }
  if (scopes.length > 0) yield* (await keyring.describe(scopes)).keysets;
}
