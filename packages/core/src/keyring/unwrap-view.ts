import { fromBase64Url } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import { deriveKeyId } from '../kdf.ts';
import type { KeyPurpose, WrapContext } from '../kek/key-wrapper.ts';
import type { KeySeries, KeysetRecord, KeyVersion } from '../key-store/keyset-record.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { DataKey, IndexRoot, type KeyView } from './key-view.ts';

/** Unwraps a DEK or an index root by the KEK of this id. */
export type Unwrap = (kekId: string, wrapped: Uint8Array, context: WrapContext) => Promise<SecretBytes>;

/**
 * Makes the view of a keyset: what is new is unwrapped, keys of the view before are kept, and those that are no longer enabled are wiped.
 *
 * @param keep - puts the view in the place of the one before, in the same turn as that is wiped; it throws when the view is of no use any more
 */
export async function unwrapView(
  { scope, data, index }: KeysetRecord,
  before: KeyView | undefined,
  unwrap: Unwrap,
  keep: (view: KeyView) => void,
): Promise<KeyView> {
  const made: { wipe(): void }[] = [];
  try {
    const keys = new Map<string, DataKey>();
    for (const version of data.versions.filter(({ status }) => status === 'enabled')) {
      const { keyId, suite } = version;
      const known = before?.keys.get(keyId);
      const key = known ?? new DataKey(keyId, suite, await unwrapped(scope, 'data', version, unwrap));
      if (known === undefined) made.push(key);
      keys.set(keyId, key);
    }
    const root = primaryOf(index);
    const knownRoot = before?.indexRoot.keyId === root.keyId ? before.indexRoot : undefined;
    const indexRoot =
      knownRoot ?? new IndexRoot(root.keyId, root.version, await unwrapped(scope, 'index', root, unwrap));
    if (knownRoot === undefined) made.push(indexRoot);
    const statuses = new Map(data.versions.map((version) => [version.keyId, version.status]));
    const view = { scope, primary: keys.get(data.primary) as DataKey, indexRoot, keys, statuses };
    keep(view);
    for (const key of before?.keys.values() ?? []) if (!keys.has(key.keyId)) key.wipe();
    if (before !== undefined && knownRoot === undefined) before.indexRoot.wipe();
    return view;
  } catch (error) {
    for (const key of made) key.wipe();
    throw error;
  }
}

/** Wipes all keys of a view. */
export function wipeView(view: KeyView): void {
  for (const key of view.keys.values()) key.wipe();
  view.indexRoot.wipe();
}

/** Unwraps a key and checks that it is the one that its id commits to. */
async function unwrapped(
  scope: string,
  purpose: KeyPurpose,
  { keyId, kekId, wrapped }: KeyVersion,
  unwrap: Unwrap,
): Promise<SecretBytes> {
  const bytes = fromBase64Url(wrapped ?? '');
  if (bytes === null) throw new FieldsealError('ERR_KEY_STORE', 'a wrapped key is not base64url', { keyId });
  const key = await unwrap(kekId, bytes, { keyId, scope, purpose });
  if (deriveKeyId(key) === keyId) return key;
  key.wipe();
  throw new FieldsealError('ERR_KEY_STORE', 'a key does not match its key id', { keyId });
}

function primaryOf(series: KeySeries): KeyVersion {
  return series.versions.find((version) => version.keyId === series.primary) as KeyVersion;
}
