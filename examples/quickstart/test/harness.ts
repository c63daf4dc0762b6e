import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXAMPLE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** What a run of the example did. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Builds the example, so that no old build is tested. */
export function build(): void {
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', EXAMPLE], { stdio: 'inherit' });
}

/** Runs the built example from the root of the repository, as `npm start` does. Keys of the tester's environment stay out. */
export function quickstart(argv: readonly string[], env: Record<string, string> = {}): Outcome {
  const { FIELDSEAL_KEY: _, FIELDSEAL_PASSPHRASE: __, ...inherited } = process.env;
  const options = { cwd: ROOT, encoding: 'utf8', env: { ...inherited, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(EXAMPLE, 'dist/main.js'), ...argv], options);
  return { code: status, stdout, stderr };
}

/** A folder for one test file. */
export function scratch(): {
  path: (name: string) => string;
  copy: (from: string, to: string) => string;
  remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-quickstart-'));
  const path = (name: string) => join(folder, name);
  return {
    path,
    copy: (from, to) => {
      cpSync(path(from), path(to), { recursive: true });
      return path(to);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
