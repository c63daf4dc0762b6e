/**
 * A place for backups. Files in it are written whole or not at all, and never changed.
 *
 * Implementations pass the contract suite of this package's tests.
 */
export interface BackupTarget {
  /** Names the place in messages. */
  readonly label: string;
  /** Names of all files that are there whole. Throws ERR_BACKUP_TARGET when it cannot be read. */
  list(): Promise<readonly string[]>;
  /** Writes a file that is not there yet; when it returns, the file is durable. Throws ERR_BACKUP_TARGET, and leaves nothing then. */
  write(name: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** The bytes of a file. Throws ERR_BACKUP_TARGET when it is not there or cannot be read. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** Removes a file; one that is not there is no fault. Throws ERR_BACKUP_TARGET. */
  remove(name: string): Promise<void>;
}
