import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { BenchError } from './bench-error.ts';
import { PACKAGE } from './folders.ts';

/** Jobs that run in a process of their own, by name. */
export type ChildJob =
  | 'micro'
  | 'queries'
  | 'start'
  | 'concurrency'
  | 'growth'
  | 'search'
  | 'timing'
  | 'cache'
  | 'backup';

const MAIN = join(PACKAGE, 'dist/main.js');

/**
 * Runs one job in a fresh process with an exposed garbage collector, and resolves to what it found. Nothing that one candidate does to the
 * compiler or the heap can then change what another one takes.
 *
 * @param flags - further flags of node
 * @throws BenchError with the child's last words when it fails
 */
export function runChild<Result>(job: ChildJob, task: object, flags: readonly string[] = []): Promise<Result> {
  const child = spawn(process.execPath, ['--expose-gc', ...flags, MAIN, 'child', job, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBUG: '' },
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stderr.on('data', (chunk) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(JSON.parse(lastLine(out)));
      reject(new BenchError(`${job} ended with ${code ?? signal}: ${lastLine(err) || lastLine(out)}`));
    });
  });
}

/** Libraries may print: the result is what comes last. */
function lastLine(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString().trimEnd().split('\n').at(-1) ?? '';
}
