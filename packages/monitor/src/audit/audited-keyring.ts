import { isFieldsealError, type Keyring } from '@fieldseal/core';
import type { AuditEvent, AuditLog } from './audit-log.ts';

/** A method of a keyring that changes it: the word for it in the log, and where its key and its scope stand among the arguments. */
interface AuditedMethod {
  readonly action: string;
  /** Position of the id of the key or slot. */
  readonly key?: number;
  /** Position of the scope; it is hashed. */
  readonly scope?: number;
}

/** Every method of {@link Keyring} that changes keys or the ways to them. */
export const AUDITED_METHODS: Readonly<Partial<Record<keyof Keyring, AuditedMethod>>> = {
  addScope: { action: 'add-scope', scope: 0 },
  addKey: { action: 'add', scope: 0 },
  promote: { action: 'promote', key: 0, scope: 1 },
  addIndexRoot: { action: 'add-index-root', scope: 0 },
  promoteIndexRoot: { action: 'promote-index-root', key: 0, scope: 2 },
  retireIndexRoot: { action: 'retire-index-root', key: 0, scope: 2 },
  rotate: { action: 'rotate', scope: 0 },
  disable: { action: 'disable', key: 0, scope: 1 },
  enable: { action: 'enable', key: 0, scope: 1 },
  scheduleDestroy: { action: 'schedule-destroy', key: 0, scope: 2 },
  cancelDestroy: { action: 'cancel-destroy', key: 0, scope: 1 },
  destroy: { action: 'destroy', key: 0, scope: 2 },
  shred: { action: 'shred', scope: 0 },
  cancelShred: { action: 'cancel-shred', scope: 0 },
  destroyShredded: { action: 'destroy-shredded', scope: 0 },
  applyReceipt: { action: 'apply-receipt' },
  authenticateRecords: { action: 'authenticate-records' },
  rewrap: { action: 'rewrap' },
  removeKek: { action: 'remove-kek', key: 0 },
  addSlot: { action: 'add-slot' },
  removeSlot: { action: 'remove-slot', key: 0 },
};

/**
 * A keyring whose changes are entered before and after: `begun` is stored before anything is done, and what cannot be entered is not done. The second
 * entry says how it ended; where that one cannot be stored, the first stands alone. Everything else is the keyring's own. For administration: give the
 * keyring itself to what encrypts.
 *
 * @param actor - who does it; it is stored as a keyed hash
 * @returns the keyring in another guise; it throws what the keyring throws, and ERR_AUDIT_SINK, with nothing done, when the log takes no entry
 */
export function auditedKeyring(keyring: Keyring, log: Pick<AuditLog, 'append'>, actor: string): Keyring {
  return new Proxy(keyring, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const call = member.bind(target) as (...args: unknown[]) => Promise<unknown>;
      const audited = Object.hasOwn(AUDITED_METHODS, name) ? AUDITED_METHODS[name as keyof Keyring] : undefined;
      if (audited === undefined) return call;
      return (...args: unknown[]) => auditedTask(eventOf(target, audited, actor, args), log, () => call(...args));
    },
  });
}

function eventOf(
  keyring: Keyring,
  { action, key, scope }: AuditedMethod,
  actor: string,
  args: unknown[],
): Omit<AuditEvent, 'outcome'> {
  const text = (at: number | undefined): string => (at === undefined ? '' : String(args[at] ?? ''));
  return {
    actor,
    action: `keyring.${action}`,
    object: `keyring:${keyring.id}`,
    key: text(key) === '' ? null : text(key),
    ...(text(scope) !== '' && { id: text(scope) }),
  };
}

/**
 * Does a task between two entries: `begun` is stored before anything is done, and the second entry says how it ended.
 *
 * @returns what the task gives
 * @throws what the task throws, and ERR_AUDIT_SINK, with nothing done, when the log takes no entry
 */
export async function auditedTask<T>(
  about: Omit<AuditEvent, 'outcome'>,
  log: Pick<AuditLog, 'append'>,
  task: () => Promise<T>,
): Promise<T> {
  const event: AuditEvent = { ...about, outcome: 'begun' };
  await log.append(event);
  // What is done is done: where this is not stored the failure is counted, and raises an alert.
  const close = (rest: Partial<AuditEvent>) => log.append({ ...event, ...rest }).catch(() => undefined);
  try {
    const result = await task();
    // The id of a key that was made, or of a slot.
    await close({ outcome: 'done', ...(typeof result === 'string' && { key: result }) });
    return result;
  } catch (error) {
    await close({ outcome: 'failed', code: isFieldsealError(error) ? error.code : null });
    throw error;
  }
}
