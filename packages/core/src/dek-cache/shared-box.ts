import { createHmac } from 'node:crypto';
import { selectEngine } from '../aead/engines.ts';
import { NoncePool } from '../aead/nonce-pool.ts';
import { concat, fromBase64Url, pae, toBase64Url, view } from '../bytes.ts';
import { NONCE_BYTES, TAG_BYTES } from '../cell.ts';
import { deriveKeyringKey, LABELS } from '../kdf.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import type { SuiteId } from '../suite.ts';

/** Bytes of a name: 128 bits of a keyed digest, which no two scopes share by chance. */
const NAME_BYTES = 16;

const nonces = new NoncePool();

/**
 * Seals what a keyring puts where others can read and write: nobody without the root key can make an entry, move one to another name, or
 * learn a scope from it. A sealed text is base64url of nonce(24) ‖ ciphertext ‖ tag(16).
 */
export class SharedBox {
  readonly #keyringId: string;
  readonly #suite: SuiteId;
  readonly #sealing: SecretBytes;
  readonly #naming: SecretBytes;

  /** @param root - root key of the keyring; stays the caller's */
  constructor(root: SecretBytes, keyringId: string, suite: SuiteId) {
    this.#keyringId = keyringId;
    this.#suite = suite;
    this.#sealing = deriveKeyringKey(root, LABELS.cacheSealing, keyringId);
    this.#naming = deriveKeyringKey(root, LABELS.cacheNaming, keyringId);
  }

  /** Key of a scope's entry: the same in every process that has opened the keyring. */
  name(scope: string): string {
    const digest = createHmac('sha256', this.#naming.expose()).update(scope).digest();
    return `fs:${this.#keyringId}:${toBase64Url(digest.subarray(0, NAME_BYTES))}`;
  }

  /** Name of something that is not of a scope; no scope has it. */
  common(what: 'changes' | 'group'): string {
    return `fs:${this.#keyringId}:${what}`;
  }

  /** Seals a JSON value under a name. */
  seal(name: string, content: unknown): string {
    const nonce = nonces.take();
    const data = Buffer.from(JSON.stringify(content));
    const [sealed] = selectEngine().encrypt([{ ...this.#message(name), nonce, data }]);
    return toBase64Url(concat(nonce, sealed as Uint8Array));
  }

  /** The JSON value that was sealed under a name; null for anything else. */
  open(name: string, text: unknown): unknown {
    const bytes = typeof text === 'string' ? fromBase64Url(text) : null;
    if (bytes === null || bytes.length < NONCE_BYTES + TAG_BYTES) return null;
    const [nonce, data] = [bytes.subarray(0, NONCE_BYTES), bytes.subarray(NONCE_BYTES)];
    const [content] = selectEngine().decrypt([{ ...this.#message(name), nonce, data }]);
    return content == null ? null : JSON.parse(view(content).toString());
  }

  /** Wipes its keys. Sealing and opening throw ERR_KEY_WIPED afterwards. */
  wipe(): void {
    this.#sealing.wipe();
    this.#naming.wipe();
  }

  #message(name: string): { readonly suite: SuiteId; readonly key: Uint8Array; readonly aad: Uint8Array } {
    const aad = pae(LABELS.cacheEntry, this.#keyringId, name);
    return { suite: this.#suite, key: this.#sealing.expose(), aad };
  }
}
