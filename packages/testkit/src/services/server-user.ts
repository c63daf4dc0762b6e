import { spawnSync } from 'node:child_process';
import { chownSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { FieldsealTestError } from '../testkit-error.ts';

/** The unprivileged user that a server runs as when the tests run as root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user to drop to, or undefined if this process is not root. PostgreSQL refuses to run as root.
 *
 * @throws FieldsealTestError if this is root and there is no user `nobody`
 */
export function unprivilegedUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return { uid: idOfNobody('-u'), gid: idOfNobody('-g') };
}

/** Gives a file or folder to the user; does nothing without one. */
export function giveTo(user: ServerUser | undefined, path: string): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}

/** Whether users other than the owner may enter every folder down to `path`; without a user to drop to it is true. */
export function mayEnter(user: ServerUser | undefined, path: string): boolean {
  if (user === undefined) return true;
  const parent = dirname(path);
  const open = (statSync(path).mode & 0o005) === 0o005;
  return open && (parent === path || mayEnter(user, parent));
}

function idOfNobody(flag: '-u' | '-g'): number {
  const { stdout, status } = spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' });
  if (status !== 0) throw new FieldsealTestError('the tests run as root and there is no user `nobody` for the servers');
  return Number(stdout);
}
