import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '../src/command.ts';
import { run } from '../src/run.ts';

/** What a run of the command line did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function fieldseal(
  argv: readonly string[],
  env: Record<string, string> = {},
  stdin = '',
  more: Partial<Io> = {},
): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const code = await run(argv, env, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: async () => stdin,
    ...more,
  });
  return { code, stdout, stderr };
}

/** A folder for one test file. */
export function scratch(): { path: (name: string) => string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-cli-'));
  return { path: (name) => join(folder, name), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The JSON object that a run printed. */
export function parsed(outcome: Outcome): Record<string, unknown> {
  return JSON.parse(outcome.stdout) as Record<string, unknown>;
}
