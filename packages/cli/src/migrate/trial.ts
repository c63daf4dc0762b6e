import { isFieldsealError } from '@fieldseal/core';
import type { RowSource } from '@fieldseal/core/jobs';
import { table } from '../table.ts';

/** Rows that a trial reads. */
const TRIED = 1000;

/** What became of the first values of a field. */
interface FieldTrial {
  readonly field: string;
  readonly opened: number;
  /** Values by the code of the error that lies in them. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Opens the values of the first rows that are left, and writes nothing: wrong keys show before a job is started. */
export async function trialOf(
  source: RowSource,
): Promise<{ readonly lines: readonly string[]; readonly json: object }> {
  const rows = await source.read(source.database, { after: null, upTo: null }, TRIED, { what: 'plaintext' });
  const trials = source.fields.map(({ form, plaintext }, at): FieldTrial => {
    const refused: Record<string, number> = {};
    let opened = 0;
    for (const { cells } of rows) {
      const content = cells[at];
      for (const stored of Array.isArray(content) ? (content as unknown[]) : [content]) {
        if (stored === null || stored === undefined || !plaintext.is(stored)) continue;
        try {
          plaintext.read(stored);
          opened += 1;
        } catch (error) {
          if (!isFieldsealError(error)) throw error;
          refused[error.code] = (refused[error.code] ?? 0) + 1;
        }
      }
    }
    return { field: form.spec.field, opened, refused };
  });
  const lines = table([
    ['field', 'opened', 'refused'],
    ...trials.map(({ field, opened, refused }) => [
      field,
      String(opened),
      Object.entries(refused)
        .map(([code, count]) => `${count} ${code}`)
        .join(', ') || '0',
    ]),
  ]);
  return {
    lines: [`  tried on the first ${rows.length} rows:`, ...lines.map((line) => `  ${line}`)],
    json: { trial: trials },
  };
}
