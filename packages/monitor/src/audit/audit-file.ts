import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { FieldsealError } from '@fieldseal/core';
import { FileLock } from '@fieldseal/core/internal';
import type { AuditSink, AuditWitness } from './audit-sink.ts';
import type { StoredLog } from './verification.ts';

const LINE_FEED = 10;
const CHUNK_BYTES = 65_536;

/** Options of {@link fileAuditSink}. */
export interface FileSinkOptions {
  /**
   * `always` by default: a batch of entries is on the disk before it counts, and entries that come meanwhile share the next flush. `never` leaves
   * it to the operating system: entries survive the end of the process, and not that of the machine.
   */
  readonly fsync?: 'always' | 'never';
}

/**
 * A sink that writes one line of JSON per entry to a file of mode 0600, which one process writes at a time. A file that was removed, replaced or
 * changed by others takes no more entries.
 */
export function fileAuditSink(path: string, { fsync = 'always' }: FileSinkOptions = {}): AuditSink {
  let file: FileHandle | undefined;
  let lock: FileLock | null = null;
  let size = 0;
  const opened = (): FileHandle => {
    if (file === undefined) throw new FieldsealError('ERR_AUDIT_SINK', 'the audit log is not open');
    return file;
  };
  return {
    name: 'file',
    stores: true,
    open: async () => {
      lock = await FileLock.acquire(`${path}.lock`).catch((error: unknown) => {
        throw unusable(error);
      });
      if (lock === null) throw new FieldsealError('ERR_AUDIT_SINK', 'another process writes this audit log');
      try {
        file = await open(path, 'a+', 0o600);
        size = await endOfLines(file);
        const repaired = (await file.stat()).size > size;
        if (repaired) await file.truncate(size);
        return { ...readAuditFile(path), repaired };
      } catch (error) {
        await file?.close();
        await lock.release();
        throw unusable(error);
      }
    },
    append: async (entries) => {
      const handle = opened();
      const [here, there] = [await handle.stat(), await stat(path).catch(() => null)];
      if (here.ino !== there?.ino || here.dev !== there.dev)
        throw new FieldsealError('ERR_AUDIT_DAMAGED', 'the file of the audit log was removed or replaced');
      if (here.size !== size)
        throw new FieldsealError('ERR_AUDIT_DAMAGED', 'the file of the audit log was changed by others');
      const bytes = Buffer.from(entries.map(({ line }) => `${line}\n`).join(''));
      try {
        await writeAll(handle, bytes);
        if (fsync === 'always') await handle.datasync();
        size += bytes.length;
      } catch (error) {
        // What was written of it goes, so that the next try begins at the end of a line.
        await handle.truncate(size).catch(() => undefined);
        throw unusable(error);
      }
    },
    close: async () => {
      await file?.close();
      file = undefined;
      await lock?.release();
      lock = null;
    },
  };
}

/** Reads the file of an audit log, line by line. What stands behind the last line feed is told as `torn`. Throws what the file system throws. */
export function readAuditFile(path: string): StoredLog {
  let torn = false;
  async function* lines(): AsyncGenerator<string> {
    const file = await open(path, 'r');
    try {
      let rest: Buffer = Buffer.alloc(0);
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, null);
        if (bytesRead === 0) break;
        rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        let start = 0;
        for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED, start)) {
          yield rest.toString('utf8', start, end);
          start = end + 1;
        }
        rest = rest.subarray(start);
      }
      torn = rest.length > 0;
    } finally {
      await file.close();
    }
  }
  return { lines: { [Symbol.asyncIterator]: lines }, torn: () => torn };
}

/**
 * A witness that keeps checkpoints in a file, a line of JSON each with the time. It belongs on another machine, or at least to another user, than
 * the log: beside it, it only shows what nobody wanted to hide.
 */
export function fileWitness(path: string): AuditWitness {
  return {
    name: 'file',
    add: async (note) => {
      const file = await open(path, 'a', 0o600);
      try {
        // A line that was cut off must not swallow this one.
        const cut = (await file.stat()).size !== (await endOfFileLines(path));
        await writeAll(
          file,
          Buffer.from(`${cut ? '\n' : ''}${JSON.stringify({ time: new Date().toISOString(), note })}\n`),
        );
        await file.datasync();
      } finally {
        await file.close();
      }
    },
    notes: () => readWitnessFile(path),
  };
}

/** The checkpoints in a file of {@link fileWitness}; none where there is no file. A line that was cut off holds none. */
export async function readWitnessFile(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw unusable(error);
  });
  return text.split('\n').flatMap((line) => {
    try {
      const { note } = JSON.parse(line) as { readonly note?: unknown };
      return typeof note === 'string' ? [note] : [];
    } catch {
      return [];
    }
  });
}

async function endOfFileLines(path: string): Promise<number> {
  const file = await open(path, 'r');
  return endOfLines(file).finally(() => file.close());
}

/** Bytes up to the last line feed and with it, looked for from the end. */
async function endOfLines(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  for (let end = size; end > 0; end -= CHUNK_BYTES) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(LINE_FEED);
    if (at !== -1) return start + at + 1;
  }
  return 0;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

function unusable(error: unknown): FieldsealError {
  if (error instanceof FieldsealError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
  return new FieldsealError('ERR_AUDIT_SINK', `the file of the audit log cannot be used (${code})`, { cause: error });
}
