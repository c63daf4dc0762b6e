import { fromBase64Url, toBase64Url } from '../bytes.ts';
import { FieldsealError, isFieldsealError } from '../errors.ts';
import { deriveKeyId, KEY_BYTES } from '../kdf.ts';
import type { KeyWrapper } from '../kek/key-wrapper.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { SlotOpener } from './slot.ts';

/**
 * Opens a keyring by a KEK outside it, so that an application needs no key of its own: the key service is asked once, when the keyring is
 * opened. The keyring's own KEK wraps the keys of scopes, which then cost no request at all.
 *
 * When the service cannot be asked, openers that follow are tried; its error is thrown if none of them opens the keyring.
 */
export function kekSlot(kek: KeyWrapper): SlotOpener {
  return {
    type: 'kek',
    async create() {
      const key = SecretBytes.random(KEY_BYTES);
      try {
        const keyId = deriveKeyId(key);
        const wrapped = await kek.wrap(key, { keyId, scope: '', purpose: 'slot' });
        return { kek: kek.id, keyId, wrapped: toBase64Url(wrapped) };
      } finally {
        key.wipe();
      }
    },
    async slotKey(params) {
      const { kek: kekId, keyId, wrapped: text } = params;
      const wrapped = typeof text === 'string' ? fromBase64Url(text) : null;
      if (wrapped === null || typeof keyId !== 'string' || !/^[0-9a-f]{16}$/.test(keyId))
        throw new FieldsealError('ERR_KEYRING_DAMAGED', 'a slot of the keyring is damaged: kek');
      if (kekId !== kek.id)
        throw new FieldsealError(
          'ERR_KEK_MISSING',
          'a slot of the keyring belongs to another KEK than the one that was given',
        );
      const key = await kek.unwrap(wrapped, { keyId, scope: '', purpose: 'slot' });
      if (deriveKeyId(key) === keyId) return key;
      key.wipe();
      throw new FieldsealError(
        'ERR_KEYRING_DAMAGED',
        'a slot of the keyring is damaged: its key does not match its id',
      );
    },
    skips: (error) => isFieldsealError(error) && (error.code.startsWith('ERR_KEK_') || error.code === 'ERR_DECRYPT'),
  };
}
