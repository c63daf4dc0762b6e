import { isFieldsealError, type Keyring } from '@fieldseal/core';
import type { AuditEvent, AuditLog } from './audit-log.ts';

/** What changes a keyring. */
export type KeyAdministration = Pick<
  Keyring,
  | 'id'
  | 'addKey'
  | 'addScope'
  | 'addSlot'
  | 'cancelDestroy'
  | 'destroy'
  | 'disable'
  | 'enable'
  | 'promote'
  | 'removeSlot'
  | 'rotate'
  | 'scheduleDestroy'
>;

/**
 * A keyring whose changes are entered before and after: `begun` is stored before anything is done, and what cannot be entered is not done. The second
 * entry says how it ended; where that one cannot be stored, the first stands alone.
 *
 * @param actor - who does it; it is stored as a keyed hash
 * @throws what the keyring throws; ERR_AUDIT_SINK, with nothing done, when the log takes no entry
 */
export function auditedKeyring(keyring: KeyAdministration, log: AuditLog, actor: string): KeyAdministration {
  const entered = async <T>(action: string, key: string | null, scope: string, task: () => Promise<T>): Promise<T> => {
    const event = {
      actor,
      action: `keyring.${action}`,
      object: `keyring:${keyring.id}`,
      key,
      ...(scope !== '' && { id: scope }),
    };
    await log.append({ ...event, outcome: 'begun' });
    const close = async (rest: Pick<AuditEvent, 'outcome' | 'code' | 'key'>): Promise<void> => {
      // What is done is done: the failure is counted, and raises an alert.
      await log.append({ ...event, ...rest }).catch(() => undefined);
    };
    try {
      const result = await task();
      await close({ outcome: 'done', key: typeof result === 'string' ? result : key });
      return result;
    } catch (error) {
      await close({ outcome: 'failed', code: isFieldsealError(error) ? error.code : null, key });
      throw error;
    }
  };
  return {
    id: keyring.id,
    addScope: (scope) => entered('add-scope', null, scope, () => keyring.addScope(scope)),
    addKey: (scope = '') => entered('add', null, scope, () => keyring.addKey(scope)),
    promote: (id, scope = '') => entered('promote', id, scope, () => keyring.promote(id, scope)),
    rotate: (scope = '') => entered('rotate', null, scope, () => keyring.rotate(scope)),
    disable: (id, scope = '') => entered('disable', id, scope, () => keyring.disable(id, scope)),
    enable: (id, scope = '') => entered('enable', id, scope, () => keyring.enable(id, scope)),
    scheduleDestroy: (id, waitMs, scope = '') =>
      entered('schedule-destroy', id, scope, () => keyring.scheduleDestroy(id, waitMs, scope)),
    cancelDestroy: (id, scope = '') => entered('cancel-destroy', id, scope, () => keyring.cancelDestroy(id, scope)),
    destroy: (id, census, scope = '') => entered('destroy', id, scope, () => keyring.destroy(id, census, scope)),
    addSlot: (opener, proof) => entered('add-slot', null, '', () => keyring.addSlot(opener, proof)),
    removeSlot: (id) => entered('remove-slot', id, '', () => keyring.removeSlot(id)),
  };
}
