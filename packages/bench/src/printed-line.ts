/**
 * What the measurements that are no part of the report print of themselves.
 *
 * @module
 */

/** Prints a line at once, while the measurement goes on. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Bytes as whole MiB, which is what a line says of memory. */
export function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
