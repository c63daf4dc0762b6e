import type { AuditVerification } from '@fieldseal/monitor/audit';
import type { Command, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { AUDIT_OPTIONS, fileErrors, seenNotes, storedAudit, verifierOf, WITNESS_OPTIONS } from './stored-audit.ts';

/** `fieldseal audit verify` */
export const auditVerify: Command = {
  name: 'audit verify',
  summary: 'find out whether an audit log was changed',
  details: [
    'Computes every hash again, and compares the log with the checkpoints that a witness has seen. It tells what was done: edited, removed, inserted,\n' +
      'reordered, truncated, rewritten, re-signed, forked, torn (a line that was cut off, as a crash leaves one).',
    'Checkpoints are verified by FIELDSEAL_AUDIT_VERIFIER, the public key. Get key and witness from elsewhere than the log. Without a checkpoint the log\n' +
      'does not verify: nobody could tell whether its end was cut off.',
    'Ends with 13 when anything is found.',
  ],
  positionals: [],
  options: { ...AUDIT_OPTIONS, ...WITNESS_OPTIONS },
  audit: 'none',
  run: async ({ options, env }) => {
    const verifier = await verifierOf(env);
    const { path, log } = await storedAudit(options, env);
    const { notes } = await seenNotes(options, env);
    const { verifyAuditLog } = await import('@fieldseal/monitor/audit');
    return report(path, await fileErrors(path, verifyAuditLog(log, notes, verifier)));
  },
};

function report(path: string, verification: AuditVerification): Report {
  const { ok, entries, witnessed, findings, more } = verification;
  const behind = entries - witnessed;
  const lines = ok
    ? [
        `${path} is whole: ${entries} entries`,
        behind === 0
          ? 'A checkpoint covers all of them.'
          : `A checkpoint covers the first ${witnessed}; the last ${behind} could still be changed by whoever can write the file.`,
      ]
    : [
        `${path} does not verify`,
        '',
        ...table([
          ['what', 'where', 'means'],
          ...findings.map(({ kind, line, size, meaning }) => [
            kind,
            line !== null ? `line ${line}` : size !== null ? `checkpoint of ${size}` : '',
            meaning,
          ]),
        ]),
        ...(more > 0 ? [`and ${more} more`] : []),
      ];
  return { lines, json: { path, ...verification }, exitCode: ok ? 0 : 13 };
}
