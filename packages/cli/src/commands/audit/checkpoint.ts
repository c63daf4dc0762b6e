import { FieldsealError } from '@fieldseal/core';
import type { Command } from '../../command.ts';
import { AUDIT_OPTIONS, fileErrors, seenNotes, storedAudit, WITNESS_OPTIONS } from './stored-audit.ts';

/** `fieldseal audit checkpoint` */
export const auditCheckpoint: Command = {
  name: 'audit checkpoint',
  summary: 'sign the present state of an audit log',
  details: [
    'Verifies the log, against the witness if one is given, signs a checkpoint of all its entries with FIELDSEAL_AUDIT_SIGNER, and prints it as a signed\n' +
      'note (C2SP). With --witness it is added to that file. Keep it where whoever can write the log cannot.',
    'It only reads the log, so the application may go on writing it. A log that does not verify is not signed (13).',
  ],
  positionals: [],
  options: { ...AUDIT_OPTIONS, ...WITNESS_OPTIONS },
  audit: 'none',
  run: async ({ options, env }) => {
    const { checkpointText, fileWitness, merkleRoot, parseNoteSigner, readEntry, verifyAuditLog } = await import(
      '@fieldseal/monitor/audit'
    );
    const key = env['FIELDSEAL_AUDIT_SIGNER'];
    if (key === undefined || key === '')
      throw new FieldsealError('ERR_KEY_MISSING', 'there is no key to sign the checkpoint with', {
        hint: 'Set FIELDSEAL_AUDIT_SIGNER to the private key that `fieldseal audit key` has shown.',
      });
    const signer = parseNoteSigner(key);
    const { path, log } = await storedAudit(options, env);
    const { path: witness, notes } = await seenNotes(options, env);
    // Once into memory: what is verified and what is signed must be the same, while the application writes on.
    const lines: string[] = [];
    const read = async (): Promise<void> => {
      for await (const line of log.lines) lines.push(line);
    };
    await fileErrors(path, read());
    const { findings } = await verifyAuditLog({ lines, torn: false }, notes, signer.verifier);
    const kinds = new Set(findings.map(({ kind }) => kind).filter((kind) => kind !== 'unwitnessed'));
    if (kinds.size > 0)
      throw new FieldsealError(
        'ERR_AUDIT_DAMAGED',
        `${path} does not verify (${[...kinds].join(', ')}), so it was not signed`,
      );
    const root = merkleRoot(lines.map((line) => Buffer.from(readEntry(line)?.hash ?? '', 'hex')));
    const note = signer.sign(checkpointText({ origin: signer.name, size: lines.length, root }));
    if (witness !== undefined) await fileWitness(witness).add(note, new AbortController().signal);
    return {
      lines: note.trimEnd().split('\n'),
      json: { path, size: lines.length, root: root.toString('base64'), note },
    };
  },
};
