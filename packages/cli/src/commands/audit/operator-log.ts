import { hostname, userInfo } from 'node:os';
import { type Environment, FieldsealError, type Keyring, parseRawKey } from '@fieldseal/core';
import type { AuditLog } from '@fieldseal/monitor/audit';
import type { Command, CommandInput } from '../../command.ts';
import { auditPath } from './stored-audit.ts';

/** Time that the disk has for an entry, in ms: a command may wait longer than an application. */
const TIMEOUT_MS = 5000;

/** The audit log of whoever works with keys on this command line. */
export interface OperatorLog {
  /** The keyring, whose changes are entered before they are made. */
  watch(keyring: Keyring): Promise<Keyring>;
  /** Does a task between two entries, and not at all where the first is not stored. Throws ERR_AUDIT_SINK. */
  enter<T>(action: string, object: string, task: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Logs in use. A command and the keyring that it opens have one: two writers would tear the chain of a log apart. */
const inUse = new WeakMap<Environment, { readonly log: OperatorLog; users: number }>();

/**
 * The log that the environment sets up: FIELDSEAL_AUDIT_SIGNER, FIELDSEAL_AUDIT_IDENTIFIER_KEY, FIELDSEAL_AUDIT_LOG and FIELDSEAL_AUDIT_WITNESS. Null
 * without a signer. It is opened by the first change. The actor is the user of the operating system and the machine, hashed.
 */
export function operatorLog(env: Environment): OperatorLog | null {
  const signer = env['FIELDSEAL_AUDIT_SIGNER'];
  if (signer === undefined || signer === '') return null;
  const shared = inUse.get(env) ?? { log: newLog(env, signer), users: 0 };
  inUse.set(env, shared);
  shared.users += 1;
  return {
    ...shared.log,
    close: async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      inUse.delete(env);
      await shared.log.close();
    },
  };
}

function newLog(env: Environment, signer: string): OperatorLog {
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
  const append: AuditLog['append'] = async (event) => {
    opening ??= open();
    return (await opening).append(event);
  };
  const actor = `${userInfo().username}@${hostname()}`;
  return {
    watch: async (keyring) => {
      const { auditedKeyring } = await import('@fieldseal/monitor/audit');
      return auditedKeyring(keyring, { append }, actor);
    },
    enter: async (action, object, task) => {
      const { auditedTask } = await import('@fieldseal/monitor/audit');
      return auditedTask({ actor, action, object }, { append }, task);
    },
    close: async () => {
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}

/** Runs a command, between two entries where the command says so and the environment sets a log up. */
export async function entered<T>({ name, audit }: Command, input: CommandInput, task: () => Promise<T>): Promise<T> {
  const kind = typeof audit === 'function' ? audit(input) : audit;
  const log = kind === 'command' ? operatorLog(input.env) : null;
  if (log === null) return task();
  const [action, ...rest] = [...name.split(' '), ...(name.includes(' ') ? [] : input.positionals.slice(0, 1))];
  try {
    return await log.enter(`command.${[action, ...rest].join('-')}`, 'command-line', task);
  } finally {
    await log.close();
  }
}
