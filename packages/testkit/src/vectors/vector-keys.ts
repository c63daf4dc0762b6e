import { DataKey, IndexRoot, type KeyView, SecretBytes, type SuiteId } from '@fieldseal/core';
import { deriveKeyId } from '@fieldseal/core/internal';

/** A key view of one DEK, as a keyring would give it. */
export function viewOf(dek: Uint8Array, suite: SuiteId): KeyView {
  const keyId = deriveKeyId(SecretBytes.copy(dek));
  const primary = new DataKey(keyId, suite, SecretBytes.copy(dek));
  const indexRoot = new IndexRoot(keyId, 1, SecretBytes.copy(dek));
  return {
    scope: '',
    primary,
    indexRoot,
    indexRoots: [indexRoot],
    keys: new Map([[keyId, primary]]),
    statuses: new Map([[keyId, 'enabled']]),
  };
}
