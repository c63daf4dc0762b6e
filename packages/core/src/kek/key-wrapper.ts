import type { SecretBytes } from '../secret-bytes.ts';

/** What a wrapped key is for: encrypting data, deriving index keys, or wrapping keys in a cache that a group of processes shares. */
export type KeyPurpose = 'data' | 'index' | 'group';

/** What a wrapped key is bound to. A remote key service gets the same parts as its encryption context. */
export interface WrapContext {
  /** Id of the wrapped key, 16 hexadecimal digits. */
  readonly keyId: string;
  /** Scope that the key serves; empty for the whole application. */
  readonly scope: string;
  readonly purpose: KeyPurpose;
}

/** A KEK, local or remote. */
export interface KeyWrapper {
  /** Id of the KEK, stored beside what it wrapped. */
  readonly id: string;
  /** Wraps a 32-byte key. Throws a FieldsealError when the service fails; the key stays the caller's. */
  wrap(key: SecretBytes, context: WrapContext): Promise<Uint8Array>;
  /** Unwraps; the result is the caller's to wipe. Throws ERR_DECRYPT when this KEK did not wrap it under this context. */
  unwrap(wrapped: Uint8Array, context: WrapContext): Promise<SecretBytes>;
}
