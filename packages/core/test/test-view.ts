import { deriveKeyId } from '../src/kdf.ts';
import { DataKey, IndexRoot, type KeyView } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import type { SuiteId } from '../src/suite.ts';

/** A view of one key, whose 32 bytes are all `byte`. */
export function viewOf(suite: SuiteId, byte: number): KeyView {
  const dek = SecretBytes.take(new Uint8Array(32).fill(byte));
  const primary = new DataKey(deriveKeyId(dek), suite, dek);
  const indexRoot = new IndexRoot('', 1, SecretBytes.take(new Uint8Array(32)));
  return {
    scope: '',
    primary,
    indexRoot,
    indexRoots: [indexRoot],
    keys: new Map([[primary.keyId, primary]]),
    statuses: new Map([[primary.keyId, 'enabled']]),
  };
}
