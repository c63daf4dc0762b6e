import { createReadStream } from 'node:fs';
import { FieldsealTestError } from '../testkit-error.ts';
import { filesUnder } from './files-under.ts';
import { type ScanFinding, ScanWindow } from './scan-window.ts';
import { needlesOf } from './spelling.ts';

/** Where a canary was found in a file. */
export interface FileFinding extends ScanFinding {
  readonly file: string;
}

/**
 * Looks for canaries in memory: as UTF-8 and UTF-16, in base64 and base64url wherever they start, in hex, and with the escapes
 * of JSON and of URLs. Text that is compressed, encrypted, or broken into lines is not recognised.
 *
 * @throws FieldsealTestError if there is no canary, or one shorter than 8 bytes
 *
 * @example
 * ```ts
 * const canary = newCanary('diagnosis');
 * // … write it through the code under test …
 * expect(scanBytes(rowAsStored, [canary])).toEqual([]);
 * ```
 */
export function scanBytes(haystack: Uint8Array, canaries: readonly string[]): ScanFinding[] {
  return new ScanWindow(needlesOf(canaries)).push(haystack);
}

/**
 * Looks for canaries, as {@link scanBytes} does, in files and in all files of folders. Files of any size are read in pieces.
 * A file that vanishes from a folder during the scan is passed over, as a running database removes files.
 *
 * @throws FieldsealTestError if a path does not exist or there is no file at all: such a scan would prove nothing
 */
export async function scanFiles(paths: readonly string[], canaries: readonly string[]): Promise<FileFinding[]> {
  const needles = needlesOf(canaries);
  const findings: FileFinding[] = [];
  let files = 0;
  for await (const file of filesUnder(paths)) {
    const window = new ScanWindow(needles);
    try {
      for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
        for (const finding of window.push(chunk as Buffer)) findings.push({ file, ...finding });
      }
      files += 1;
    } catch (error) {
      if (!isVanished(error)) throw error;
    }
  }
  if (files === 0) throw new FieldsealTestError('there is no file to scan');
  return findings;
}

function isVanished(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
