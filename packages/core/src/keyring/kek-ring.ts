import { randomBytes } from 'node:crypto';
import { fromBase64Url, pae, toBase64Url, toHex } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import { deriveKeyId, deriveKeyringKey, KEY_BYTES, LABELS } from '../kdf.ts';
import type { KeyPurpose, KeyWrapper } from '../kek/key-wrapper.ts';
import { LocalKek } from '../kek/local-kek.ts';
import { unwrapKey, wrapKey } from '../kek/wrapped-key.ts';
import type { KeysetRecord } from '../key-store/keyset-record.ts';
import { type NewKeyVersion, startSeries } from '../keyset.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { SuiteId } from '../suite.ts';
import type { KekEntry, KeyringDocument } from './document.ts';

/** The KEKs of a keyring: its own, unwrapped on first use, and the ones outside that were given for it. */
export class KekRing {
  readonly #keks = new Map<string, LocalKek>();
  readonly #outside: ReadonlyMap<string, KeyWrapper>;

  /**
   * @param outside - KEKs that the keyring names and does not hold; they stay the caller's
   * @throws ERR_OPTIONS when two have one id
   */
  constructor(outside: readonly KeyWrapper[] = []) {
    this.#outside = new Map(outside.map((kek) => [kek.id, kek]));
    if (this.#outside.size < outside.length) throw new FieldsealError('ERR_OPTIONS', 'two KEKs have the same id');
  }

  /**
   * The KEK of this id.
   *
   * @throws ERR_KEY_STORE when the keyring does not name it, ERR_KEK_MISSING when it is outside and was not given, ERR_DECRYPT when the root
   * key does not open it
   */
  get({ id: keyringId, keks, suite }: KeyringDocument, root: SecretBytes, id: string): KeyWrapper {
    const known = this.#keks.get(id);
    if (known !== undefined) return known;
    const stored = keks.find((kek) => kek.id === id);
    if (stored?.wrapped === null) {
      root.expose(); // a closed keyring makes and opens no key
      const given = this.#outside.get(id);
      if (given === undefined)
        throw new FieldsealError('ERR_KEK_MISSING', `the keyring needs the KEK ${id}, which was not given`);
      return given;
    }
    const wrapped = stored === undefined ? null : fromBase64Url(stored.wrapped);
    if (wrapped === null)
      throw new FieldsealError('ERR_KEY_STORE', 'a key was wrapped by a KEK that the keyring does not hold');
    const wrapping = deriveKeyringKey(root, LABELS.kekWrapping);
    try {
      const kek = new LocalKek(id, unwrapKey(wrapping, wrapped, kekAad(keyringId, id)), suite);
      this.#keks.set(id, kek);
      return kek;
    } finally {
      wrapping.wipe();
    }
  }

  /** The KEK that wraps new keys: the last one. */
  newest(document: KeyringDocument, root: SecretBytes): KeyWrapper {
    return this.get(document, root, (document.keks.at(-1) as KekEntry).id);
  }

  /** Wipes the KEKs of the keyring. */
  wipe(): void {
    for (const kek of this.#keks.values()) kek.wipe();
    this.#keks.clear();
  }
}

/** A new random DEK or index root, wrapped under the newest KEK of a document. */
export async function newKeyVersion(
  keks: KekRing,
  document: KeyringDocument,
  root: SecretBytes,
  scope: string,
  purpose: KeyPurpose,
): Promise<NewKeyVersion> {
  const kek = keks.newest(document, root);
  const key = randomSecret();
  try {
    const keyId = deriveKeyId(key);
    const wrapped = toBase64Url(await kek.wrap(key, { keyId, scope, purpose }));
    return { keyId, suite: document.suite, created: new Date().toISOString(), kekId: kek.id, wrapped };
  } finally {
    key.wipe();
  }
}

/** The first keyset of a scope: one DEK and one index root. */
export async function newKeyset(
  keks: KekRing,
  document: KeyringDocument,
  root: SecretBytes,
  scope: string,
): Promise<KeysetRecord> {
  const data = startSeries(await newKeyVersion(keks, document, root, scope, 'data'));
  const index = startSeries(await newKeyVersion(keks, document, root, scope, 'index'));
  return { scope, generation: 1, data, index };
}

/** The entry of a KEK outside the keyring. */
export function outsideKek({ id }: KeyWrapper): KekEntry {
  return { id, created: new Date().toISOString(), wrapped: null };
}

/** A new random KEK, wrapped under the root key. */
export function newKek(keyringId: string, root: SecretBytes, suite: SuiteId): KekEntry {
  const id = `kek-${toHex(randomBytes(4))}`;
  const key = randomSecret();
  const wrapping = deriveKeyringKey(root, LABELS.kekWrapping);
  const wrapped = toBase64Url(wrapKey(wrapping, suite, key, kekAad(keyringId, id)));
  key.wipe();
  wrapping.wipe();
  return { id, created: new Date().toISOString(), wrapped };
}

/** 32 random bytes: a root key, a KEK, a DEK or an index root. */
export function randomSecret(): SecretBytes {
  return SecretBytes.random(KEY_BYTES);
}

function kekAad(keyringId: string, kekId: string): Uint8Array {
  return pae(LABELS.kek, keyringId, kekId);
}
