import { createHmac, timingSafeEqual } from 'node:crypto';
import { fromBase64Url, toBase64Url } from '../bytes.ts';
import { canonicalJson } from '../canonical-json.ts';
import { FieldsealError } from '../errors.ts';
import { deriveKeyringKey, LABELS } from '../kdf.ts';
import { type KeyStore, loadKeysets, saveKeysets } from '../key-store/key-store.ts';
import { type KeysetRecord, parseKeysetRecord } from '../key-store/keyset-record.ts';
import type { SecretBytes } from '../secret-bytes.ts';

/** Version of the code, and what stands in front of it. A code of another version is refused. */
const PREFIX = '1.';

/**
 * An outside key store whose records are authenticated by the root key of the keyring, so that whoever can write to the store cannot enable
 * or promote a key, mix the versions of two records, or make a record up. He can still put a whole older record back: see SECURITY.md.
 *
 * @param root - root key of the keyring; stays the caller's
 * @param required - whether a record without a code is refused; those of keyrings from before there were codes have none
 */
export function authenticatedStore(inner: KeyStore, root: SecretBytes, required: () => boolean): KeyStore {
  const { scopes } = inner;
  return {
    load: async (scope) => {
      const stored = await inner.load(scope);
      return stored === null ? null : withKey(root, (key) => checked(stored, scope, key, required()));
    },
    loadMany: async (wanted) => {
      const stored = await loadKeysets(inner, wanted);
      return withKey(
        root,
        (key) => new Map([...stored].map(([scope, record]) => [scope, checked(record, scope, key, required())])),
      );
    },
    save: (record, expected) =>
      inner.save(
        withKey(root, (key) => authenticated(record, key)),
        expected,
      ),
    saveMany: (changes) => {
      const signed = withKey(root, (key) =>
        changes.map(({ record, expected }) => ({ record: authenticated(record, key), expected })),
      );
      return saveKeysets(inner, signed);
    },
    ...(scopes === undefined ? {} : { scopes: () => scopes.call(inner) }),
  };
}

/**
 * Gives every record of a store that has none its code, as it stands: what was changed in the store before is not noticed.
 *
 * @returns how many got one
 * @throws ERR_KEY_STORE when a record has a wrong code, or the store cannot list its scopes
 */
export async function authenticateRecords(inner: KeyStore, root: SecretBytes): Promise<number> {
  if (inner.scopes === undefined)
    throw new FieldsealError('ERR_KEY_STORE', 'the key store cannot list its scopes', {
      hint: 'Give it the method `scopes`.',
    });
  let count = 0;
  const store = authenticatedStore(inner, root, () => false);
  for await (const scope of inner.scopes()) {
    for (;;) {
      const record = await store.load(scope);
      if (record === null || record.mac !== undefined) break;
      // Where another writer was first, his record has a code.
      if (await store.save({ ...record, generation: record.generation + 1 }, record.generation)) count++;
    }
  }
  return count;
}

function authenticated({ mac: _, ...record }: KeysetRecord, key: SecretBytes): KeysetRecord {
  return { ...record, mac: `${PREFIX}${toBase64Url(codeOf(record, key))}` };
}

/** What a store gave, once its form, its scope and its code are found right. */
function checked(stored: unknown, scope: string, key: SecretBytes, required: boolean): KeysetRecord {
  const record = parseKeysetRecord(stored);
  if (record.scope !== scope) throw altered('the key store gave the keyset of another scope');
  const { mac, ...rest } = record;
  if (mac === undefined) {
    if (required) throw altered('a keyset of the key store has no authentication code');
    return record;
  }
  const code = mac.startsWith(PREFIX) ? fromBase64Url(mac.slice(PREFIX.length)) : null;
  const expected = codeOf(rest, key);
  if (code?.length !== expected.length || !timingSafeEqual(code, expected))
    throw altered('the authentication code of a keyset in the key store is wrong');
  return record;
}

/** HMAC-SHA256 over the canonical spelling of a record without its code. */
function codeOf(record: Omit<KeysetRecord, 'mac'>, key: SecretBytes): Uint8Array {
  return createHmac('sha256', key.expose()).update(canonicalJson(record)).digest();
}

/** Works with the key of the codes, and wipes it. */
function withKey<T>(root: SecretBytes, work: (key: SecretBytes) => T): T {
  const key = deriveKeyringKey(root, LABELS.recordMac);
  try {
    return work(key);
  } finally {
    key.wipe();
  }
}

function altered(message: string): FieldsealError {
  return new FieldsealError('ERR_KEY_STORE', message, {
    hint: 'Somebody changed the key store, or it belongs to another keyring. Compare it with a backup before you go on.',
  });
}
