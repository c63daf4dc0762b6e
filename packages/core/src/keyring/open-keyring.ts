import { FieldsealError, isFieldsealError } from '../errors.ts';
import { announce, announceRefusal } from './announce.ts';
import { authenticateDocument, parseDocument } from './document.ts';
import { Keyring } from './keyring.ts';
import type { OpenKeyringOptions } from './keyring-options.ts';
import { openAny } from './slot-changes.ts';

/**
 * Opens a keyring.
 *
 * @throws ERR_KEYRING_MISSING when there is none, ERR_KEYRING_LOCKED when no opener fits, ERR_KEYRING_DAMAGED when it was altered,
 * ERR_KEYRING_IO when it cannot be read
 */
export async function openKeyring(options: OpenKeyringOptions): Promise<Keyring> {
  const { storage, openers } = options;
  const text = await storage.read();
  if (text === null) throw new FieldsealError('ERR_KEYRING_MISSING', `there is no keyring at ${storage.label}`);
  const { document, mac } = parseDocument(text);
  const opened = await openAny(document, openers);
  if (opened === null) {
    announceRefusal('ERR_KEYRING_LOCKED');
    throw new FieldsealError('ERR_KEYRING_LOCKED', `the keyring at ${storage.label} could not be opened`);
  }
  const { root } = opened;
  try {
    authenticateDocument(document, mac, root);
    const keyring = new Keyring(options, text, document, root);
    announce('open', keyring);
    return keyring;
  } catch (error) {
    root.wipe();
    // Options that cannot be served are no try to break in.
    if (isFieldsealError(error, 'ERR_KEYRING_DAMAGED')) announceRefusal('ERR_KEYRING_DAMAGED');
    throw error;
  }
}
