/** Tells the reader of the terminal what is going on. Standard output is kept for results. */
export function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

/** The time since `started` (of `performance.now()`) in seconds, for people. */
export function secondsSince(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
