import type { Report } from '../command.ts';
import { table } from '../table.ts';
import type { Severity } from './catalogue.ts';
import type { FieldCount } from './cells-check.ts';
import { counted, type Finding } from './finding.ts';
import type { Leakage } from './leakage/leakage.ts';
import { leakageLines } from './leakage/leakage-text.ts';

/** All that doctor looked at. */
export interface Examination {
  readonly schema: { readonly path: string; readonly provider: string } | null;
  /** Models with encrypted fields. */
  readonly models: number;
  readonly encryptedFields: number;
  readonly indexes: number;
  readonly sourceFiles: number;
  readonly keyring: 'open' | 'closed' | 'skipped';
  readonly database: 'checked' | 'skipped' | 'failed';
  readonly fields: readonly FieldCount[];
  readonly findings: readonly Finding[];
  /** What columns give away; null when it was not asked for or could not be measured. */
  readonly leakage: Leakage | null;
}

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'note'];

/** The report, with exit code 8 for errors, and for warnings too where they count as errors. */
export function doctorReport(examination: Examination, strict: boolean): Report {
  const { findings, fields, leakage, ...checked } = examination;
  const sorted = SEVERITIES.flatMap((severity) => findings.filter((found) => found.severity === severity));
  const count = (severity: Severity): number => sorted.filter((found) => found.severity === severity).length;
  const summary = { errors: count('error'), warnings: count('warning'), notes: count('note') };
  const failed = summary.errors > 0 || (strict && summary.warnings > 0);
  const json = { healthy: !failed, summary, checked, fields, findings: sorted, ...(leakage !== null && { leakage }) };
  const lines = [
    ...SEVERITIES.flatMap((severity) => section(severity, sorted)),
    ...fieldTable(fields),
    ...(leakage === null ? [] : leakageLines(leakage)),
    ...summaryLines(examination, summary),
  ];
  return { lines, json, exitCode: failed ? 8 : 0 };
}

/** Findings of one severity. Those of one kind stand together, with their advice once. */
function section(severity: Severity, findings: readonly Finding[]): string[] {
  const own = findings.filter((found) => found.severity === severity);
  if (own.length === 0) return [];
  const ids = [...new Set(own.map(({ id }) => id))];
  const groups = ids.flatMap((id) => {
    const same = own.filter((found) => found.id === id);
    return [`  ${id}: ${same[0]?.advice}`, ...table(same.map(({ place, message }) => [`    ${place}`, message]))];
  });
  return [`${severity}s`, ...groups, ''];
}

function fieldTable(fields: readonly FieldCount[]): string[] {
  if (fields.length === 0) return [];
  const rows = fields.map(({ field, values, encrypted, plaintext, sample }) => [
    field,
    String(values),
    String(encrypted),
    String(plaintext),
    sample === null ? '' : `of the first ${sample} rows`,
  ]);
  return [...table([['field', 'values', 'encrypted', 'plaintext', ''], ...rows]), ''];
}

function summaryLines(
  { models, encryptedFields, indexes, sourceFiles, keyring, database }: Examination,
  { errors, warnings, notes }: { readonly errors: number; readonly warnings: number; readonly notes: number },
): string[] {
  const looked = [
    `${counted(encryptedFields, 'encrypted field')} of ${counted(models, 'model')}, ${counted(indexes, 'index column')}`,
    `${counted(sourceFiles, 'source file')}`,
    `keyring ${keyring}`,
    `database ${database}`,
  ];
  const next =
    errors > 0
      ? 'Next: mend the errors from the top, and run doctor again.'
      : warnings > 0
        ? 'Next: look at the warnings; --strict makes them fail.'
        : 'Nothing to mend was found in what was looked at.';
  return [
    `${counted(errors, 'error')}, ${counted(warnings, 'warning')}, ${counted(notes, 'note')} (${looked.join('; ')})`,
    next,
  ];
}
