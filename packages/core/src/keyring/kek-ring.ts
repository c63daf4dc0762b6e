import { randomBytes } from 'node:crypto';
import { fromBase64Url, pae, toBase64Url, toHex } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import { deriveKeyringKey, KEY_BYTES, LABELS } from '../kdf.ts';
import { LocalKek } from '../kek/local-kek.ts';
import { unwrapKey, wrapKey } from '../kek/wrapped-key.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { SuiteId } from '../suite.ts';
import type { KeyringDocument, WrappedKek } from './document.ts';

/** The KEKs of a keyring, unwrapped on first use. */
export class KekRing {
  readonly #keks = new Map<string, LocalKek>();

  /**
   * The KEK of this id.
   *
   * @throws ERR_KEY_STORE when the keyring does not hold it, ERR_DECRYPT when the root key does not open it
   */
  get({ id: keyringId, keks, suite }: KeyringDocument, root: SecretBytes, id: string): LocalKek {
    const known = this.#keks.get(id);
    if (known !== undefined) return known;
    const stored = keks.find((kek) => kek.id === id);
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
  newest(document: KeyringDocument, root: SecretBytes): LocalKek {
    return this.get(document, root, (document.keks.at(-1) as WrappedKek).id);
  }

  /** Wipes all KEKs. */
  wipe(): void {
    for (const kek of this.#keks.values()) kek.wipe();
    this.#keks.clear();
  }
}

/** A new random KEK, wrapped under the root key. */
export function newKek(keyringId: string, root: SecretBytes, suite: SuiteId): WrappedKek {
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
  return SecretBytes.take(new Uint8Array(randomBytes(KEY_BYTES)));
}

function kekAad(keyringId: string, kekId: string): Uint8Array {
  return pae(LABELS.kek, keyringId, kekId);
}
