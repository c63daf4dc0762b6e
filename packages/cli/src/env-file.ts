import { type FileHandle, open, rm } from 'node:fs/promises';
import { CliError } from './cli-error.ts';

/** Readable or writable by anyone but the owner. */
const OTHERS = 0o077;

/** What {@link appendVariable} did. */
export interface Appended {
  /** Whether other users of the machine can open the file, which existed before with its own mode. */
  readonly exposed: boolean;
  /** Takes the addition back. */
  undo(): Promise<void>;
}

/**
 * Adds a variable to an env file, which is made with mode 0600 if there is none. Nothing that stands in it is changed.
 *
 * @throws ERR_KEY_EXISTS when the file sets the variable already, ERR_FILE_IO when it cannot be read or written
 */
export async function appendVariable(path: string, name: string, value: string): Promise<Appended> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'a+', 0o600);
    const before = await file.readFile('utf8');
    if (new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=`, 'm').test(before)) {
      throw new CliError(
        'ERR_KEY_EXISTS',
        `${path} sets ${name} already`,
        `Name another file, or load this one so that its ${name} is used.`,
      );
    }
    const { size, mode } = await file.stat();
    await file.appendFile(`${before === '' || before.endsWith('\n') ? '' : '\n'}${name}=${value}\n`);
    await file.sync();
    const undo = () => (size === 0 ? rm(path, { force: true }) : truncate(path, size));
    return { exposed: process.platform !== 'win32' && (mode & OTHERS) !== 0, undo };
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(
      'ERR_FILE_IO',
      `${path} cannot be written (${codeOf(error)})`,
      'Check the path and the permissions of the file.',
      error,
    );
  } finally {
    await file?.close();
  }
}

async function truncate(path: string, size: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.truncate(size).finally(() => file.close());
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
