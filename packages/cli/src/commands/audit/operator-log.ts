import { hostname, userInfo } from 'node:os';
import { type Environment, FieldsealError, type Keyring, parseRawKey } from '@fieldseal/core';
import type { AuditLog } from '@fieldseal/monitor/audit';
import { auditPath } from './stored-audit.ts';

/** Time that the disk has for an entry, in ms: a command may wait longer than an application. */
const TIMEOUT_MS = 5000;

/** The audit log of whoever works with keys on this command line. */
export interface OperatorLog {
  /** The keyring, whose changes are entered before they are made. */
  watch(keyring: Keyring): Promise<Keyring>;
  close(): Promise<void>;
}

/**
 * The log that the environment sets up: FIELDSEAL_AUDIT_SIGNER, FIELDSEAL_AUDIT_IDENTIFIER_KEY, FIELDSEAL_AUDIT_LOG and FIELDSEAL_AUDIT_WITNESS. Null
 * without a signer. It is opened by the first change. The actor is the user of the operating system and the machine, hashed.
 */
export function operatorLog(env: Environment): OperatorLog | null {
  const signer = env['FIELDSEAL_AUDIT_SIGNER'];
  if (signer === undefined || signer === '') return null;
  let opening: Promise<AuditLog> | undefined;
  const open = async (): Promise<AuditLog> => {
    const { fileAuditSink, fileWitness, openAuditLog, parseNoteSigner } = await import('@fieldseal/monitor/audit');
    const key = env['FIELDSEAL_AUDIT_IDENTIFIER_KEY'];
    if (key === undefined || key === '')
      throw new FieldsealError('ERR_KEY_MISSING', 'the key for identifiers of the audit log is missing', {
        hint: 'Set FIELDSEAL_AUDIT_IDENTIFIER_KEY to what `fieldseal audit key` has shown.',
      });
    const witness = env['FIELDSEAL_AUDIT_WITNESS'];
    return openAuditLog({
      signer: parseNoteSigner(signer),
      identifierKey: parseRawKey(key),
      sinks: [fileAuditSink(auditPath({}, env))],
      witnesses: witness === undefined || witness === '' ? [] : [fileWitness(witness)],
      timeoutMs: TIMEOUT_MS,
    });
  };
  return {
    watch: async (keyring) => {
      const { auditedKeyring } = await import('@fieldseal/monitor/audit');
      const append: AuditLog['append'] = async (event) => {
        opening ??= open();
        return (await opening).append(event);
      };
      return auditedKeyring(keyring, { append }, `${userInfo().username}@${hostname()}`);
    },
    close: async () => {
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}
