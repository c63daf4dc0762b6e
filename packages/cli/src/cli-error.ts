/** Codes of problems that only a command line has. */
export type CliErrorCode = 'ERR_USAGE' | 'ERR_DATABASE' | 'ERR_FILE_IO' | 'ERR_KEY_EXISTS' | 'ERR_UNEXPECTED';

/** A problem whose message and hint say all that the user needs. Neither holds a secret. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;
  /** What to do about it. */
  readonly hint: string;

  constructor(code: CliErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}
