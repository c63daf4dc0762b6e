import { type Project, schemaOf } from './doctor-project.ts';
import type { Target } from './doctor-target.ts';
import { fieldseal, type Outcome, parsed } from './harness.ts';

/** The schema of a healthy application whose field `phone` is being migrated. */
export const MIGRATING: string = schemaOf('sqlite').replace(
  '/// @encrypted\n  phone',
  '/// @encrypted(mode: migrating)\n  phone',
);

/** What a command about jobs shows with --json, and its exit code. */
interface JobOutcome {
  readonly code: number;
  readonly jobs: Record<string, unknown>[];
  readonly forecasts: unknown[];
  readonly error?: { readonly code: string };
}

/** Runs commands in a project, as text and with --json. */
export function jobCommands(project: () => Project): {
  cli(...argv: string[]): Promise<Outcome>;
  json(...argv: string[]): Promise<JobOutcome>;
} {
  const cli = (...argv: string[]): Promise<Outcome> => fieldseal(argv, project().env);
  return {
    cli,
    json: async (...argv) => {
      const outcome = await cli(...argv, '--json');
      return { ...(parsed(outcome) as unknown as JobOutcome), code: outcome.code };
    },
  };
}

/** Removes the tables of jobs. */
export async function dropJobs(target: Target): Promise<void> {
  for (const table of ['job', 'job_chunk', 'job_quarantine'])
    await target.run(`DROP TABLE IF EXISTS fieldseal_${table}`);
}
