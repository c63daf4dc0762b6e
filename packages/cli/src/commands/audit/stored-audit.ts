import type { Environment } from '@fieldseal/core';
import type { NoteVerifier, StoredLog } from '@fieldseal/monitor/audit';
import { CliError } from '../../cli-error.ts';
import type { CommandOption } from '../../command.ts';

/** Options of the commands that read an audit log. */
export const AUDIT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  log: { value: 'path', help: 'the file of the audit log; FIELDSEAL_AUDIT_LOG or ./fieldseal.audit.jsonl by default' },
};

/** Options of the commands that compare it with checkpoints. */
export const WITNESS_OPTIONS: Readonly<Record<string, CommandOption>> = {
  witness: {
    value: 'path',
    help: 'file with the checkpoints of a witness, or one signed checkpoint; FIELDSEAL_AUDIT_WITNESS by default',
  },
};

/** Path of the log that is meant. */
export function auditPath(options: Readonly<Record<string, string | undefined>>, env: Environment): string {
  return options['log'] ?? (env['FIELDSEAL_AUDIT_LOG'] || 'fieldseal.audit.jsonl');
}

/** The log that is meant. */
export async function storedAudit(
  options: Readonly<Record<string, string | undefined>>,
  env: Environment,
): Promise<{ readonly path: string; readonly log: StoredLog }> {
  const path = auditPath(options, env);
  const { readAuditFile } = await import('@fieldseal/monitor/audit');
  return { path, log: readAuditFile(path) };
}

/** The checkpoints that were seen elsewhere: lines of a file witness, or a note as a webhook gets it. */
export async function seenNotes(
  options: Readonly<Record<string, string | undefined>>,
  env: Environment,
): Promise<{ readonly path: string | undefined; readonly notes: readonly string[] }> {
  const path = options['witness'] ?? (env['FIELDSEAL_AUDIT_WITNESS'] || undefined);
  if (path === undefined) return { path, notes: [] };
  const { readFile } = await import('node:fs/promises');
  const { readCheckpoint, readWitnessFile } = await import('@fieldseal/monitor/audit');
  const text = await fileErrors(
    path,
    // A witness that has seen nothing yet has no file.
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    }),
  );
  return { path, notes: readCheckpoint(text) === null ? await readWitnessFile(path) : [text] };
}

/** The key that checkpoints are verified by. Throws ERR_KEY_MISSING, ERR_KEY_INVALID. */
export async function verifierOf(env: Environment): Promise<NoteVerifier> {
  const { parseNoteVerifier } = await import('@fieldseal/monitor/audit');
  const text = env['FIELDSEAL_AUDIT_VERIFIER'];
  if (text !== undefined && text !== '') return parseNoteVerifier(text);
  const { FieldsealError } = await import('@fieldseal/core');
  throw new FieldsealError('ERR_KEY_MISSING', 'there is no key to verify the audit log by', {
    hint: 'Set FIELDSEAL_AUDIT_VERIFIER to the public key that `fieldseal audit key` has shown.',
  });
}

/** What reading gives, with ERR_FILE_IO for what the file system says. */
export async function fileErrors<T>(path: string, reading: Promise<T>): Promise<T> {
  return reading.catch((error: NodeJS.ErrnoException) => {
    if (typeof error.code !== 'string' || error.code.startsWith('ERR_')) throw error;
    throw new CliError(
      'ERR_FILE_IO',
      `${path} cannot be read (${error.code})`,
      'Check the path and its permissions.',
      error,
    );
  });
}
