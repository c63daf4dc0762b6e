import type { SecretBytes } from '../secret-bytes.ts';

/**
 * What a wrapped key is for: encrypting data, deriving index keys, opening a slot of a keyring, or wrapping keys in a cache that a group of
 * processes shares.
 */
export type KeyPurpose = 'data' | 'index' | 'slot' | 'group';

/** What a wrapped key is bound to. A remote key service gets the same parts as its encryption context. */
export interface WrapContext {
  /** Id of the wrapped key, 16 hexadecimal digits. */
  readonly keyId: string;
  /** Scope that the key serves; empty for the whole application. */
  readonly scope: string;
  readonly purpose: KeyPurpose;
}

/** How one call of a {@link KeyWrapper} is made. */
export interface WrapOptions {
  /** Gives the call up: it is rejected with the reason of the signal, and nothing is sent any more. */
  readonly signal?: AbortSignal | undefined;
}

/** A KEK, local or remote. Implementations pass the contract suite of @fieldseal/testkit. */
export interface KeyWrapper {
  /** Id of the KEK, stored beside what it wrapped, and bound to it. It stays the same as long as anything is wrapped under it. */
  readonly id: string;
  /**
   * Wraps a 32-byte key, which stays the caller's.
   *
   * @throws ERR_KEY_INVALID for another length, ERR_KEK_… when the key service fails
   */
  wrap(key: SecretBytes, context: WrapContext, options?: WrapOptions): Promise<Uint8Array>;
  /**
   * Unwraps; the result is the caller's to wipe.
   *
   * @throws ERR_DECRYPT when this KEK did not wrap it under this context, ERR_KEK_… when the key service fails
   */
  unwrap(wrapped: Uint8Array, context: WrapContext, options?: WrapOptions): Promise<SecretBytes>;
}
