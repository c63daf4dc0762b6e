import type { Environment } from '@fieldseal/core';
import type { ExitCode } from './exit-codes.ts';

/** The outside world of a command, so that tests can stand in for it. */
export interface Io {
  stdout(text: string): void;
  stderr(text: string): void;
  /** Whether a person watches stderr; by default not. */
  readonly interactive?: boolean;
  /** Aborted when the program is asked to stop, from the first call on; by default never. */
  readonly stopping?: () => AbortSignal;
  /** Everything that comes on standard input. */
  stdin(): Promise<string>;
  /** Resolves when the program is asked to end, by a signal: a command that serves waits for it. By default at once. */
  stopped?(): Promise<void>;
}

/** An option of a command. */
export interface CommandOption {
  /** Name of the value in the help; options without one are switches. */
  readonly value?: string;
  /** What it does, in one line. */
  readonly help: string;
  /** Values that it may have; by default any. */
  readonly choices?: readonly string[];
}

/** What a command works on. */
export interface CommandInput {
  /** Values of the options that were given. Switches that were given are `''`. */
  readonly options: Readonly<Record<string, string | undefined>>;
  /** As many as the command names. */
  readonly positionals: readonly string[];
  readonly env: Environment;
  readonly io: Io;
}

/**
 * Who enters what a command does in the audit log: nobody, since it only reads; the keyring that it opens, change by change; or the program, before the
 * command begins and when it has ended.
 */
export type CommandAudit = 'none' | 'keyring' | 'command';

/** What a command found or did: once for people, once for programs. */
export interface Report {
  readonly lines: readonly string[];
  readonly json: object;
  /** Shown on stderr behind the lines, for people only. */
  readonly warnings?: readonly string[];
  /** 0 unless the finding itself is a failure. */
  readonly exitCode?: ExitCode;
}

/** One command. Secrets come from the environment only: an argument is visible to every user of the machine. */
export interface Command {
  /** Words that call it. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** Paragraphs of its help. */
  readonly details: readonly string[];
  /** Names of its positional arguments, all required. */
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, CommandOption>>;
  /** Where it depends on what is asked for, by that. */
  readonly audit: CommandAudit | ((input: CommandInput) => CommandAudit);
  /** Does the work; throws a FieldsealError or a CliError. */
  run(input: CommandInput): Promise<Report>;
}
