/**
 * Jobs, forecasts and censuses as lines for people.
 *
 * @module
 */
import type { CensusLine, JobForecast, JobStatus } from '@fieldseal/core/jobs';
import { table } from '../table.ts';

/** A job as --json shows it. */
export function statusJson(status: JobStatus): object {
  const { before, report, plan, created, updated, ...rest } = status;
  return {
    ...rest,
    plan,
    created: new Date(created).toISOString(),
    updated: new Date(updated).toISOString(),
    before: before === null ? null : (JSON.parse(before) as object),
    report: report === null ? null : (JSON.parse(report) as object),
  };
}

/** Jobs, one a line. */
export function statusLines(jobs: readonly JobStatus[]): string[] {
  if (jobs.length === 0) return ['no job'];
  return table([
    ['job', 'kind', 'model', 'scope', 'state', 'rows', 'done', 'conflicts', 'quarantined'],
    ...jobs.map(({ id, plan, state, reason, rows, passed, counts, quarantined }) => [
      id,
      plan.kind,
      plan.model,
      plan.scope ?? '',
      reason === null ? state : `${state} (${reason})`,
      `${passed}/${rows}`,
      String(counts.done),
      String(counts.conflicts),
      String(quarantined),
    ]),
  ]);
}

/** What a job would do. */
export function forecastLines({ plan, rows, chunks, census }: JobForecast): string[] {
  const under = plan.target === null ? '' : `, under the key ${plan.target}`;
  return [
    `${plan.kind} ${plan.model} (${plan.fields.join(', ')}): ${rows} rows in ${chunks} chunks${under}`,
    ...censusLines(census).map((line) => `  ${line}`),
  ];
}

/** Values of each field by key. */
export function censusLines(census: readonly CensusLine[]): string[] {
  return census.length === 0
    ? ['no values']
    : table([['field', 'key', 'values'], ...census.map(({ field, key, values }) => [field, key, String(values)])]);
}
