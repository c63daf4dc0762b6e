import { AtomicFile } from '../atomic-file.ts';

/** Where the text of a keyring is kept. */
export interface KeyringStorage {
  /** Names the place in messages: a path, say. */
  readonly label: string;
  /** The text; null when there is none. Throws ERR_KEYRING_IO when it cannot be read. */
  read(): Promise<string | null>;
  /** Replaces the text if it is still `expected` (null: none), atomically, and returns whether it did. Throws ERR_KEYRING_IO. */
  replace(expected: string | null, next: string): Promise<boolean>;
}

/** A keyring file: replaced atomically, mode 0600. */
export function keyringFile(path: string): KeyringStorage {
  const file = new AtomicFile(path);
  return { label: path, read: () => file.read(), replace: (expected, next) => file.replace(expected, next) };
}

/** A keyring in memory: for tests, or for a keyring that comes from a secret manager and is never changed by the process. */
export function keyringMemory(text: string | null = null): KeyringStorage {
  let current = text;
  return {
    label: 'memory',
    read: async () => current,
    replace: async (expected, next) => {
      if (current !== expected) return false;
      current = next;
      return true;
    },
  };
}
