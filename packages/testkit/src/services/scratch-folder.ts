import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { giveTo, type ServerUser } from './server-user.ts';

/** A new private folder for a server, owned by the user that the server runs as. */
export function scratchFolder(service: string, user: ServerUser | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), `fieldseal-${service}-`));
  giveTo(user, folder);
  return folder;
}
