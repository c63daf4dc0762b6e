import { type KeyringEvent, publish } from '../events.ts';

/** Publishes what happened to a keyring. `subject` is a key id or the id of a slot. */
export function announce(
  action: KeyringEvent['action'],
  keyring: { readonly id: string; readonly generation: number },
  subject?: string,
): void {
  publish('fieldseal:keyring', { action, keyringId: keyring.id, generation: keyring.generation, subject });
}

/** Publishes that a keyring could not be opened, for whoever watches for tries. */
export function announceRefusal(code: 'ERR_KEYRING_LOCKED' | 'ERR_KEYRING_DAMAGED'): void {
  publish('fieldseal:failure', { code, model: undefined, field: undefined, keyId: undefined });
}
