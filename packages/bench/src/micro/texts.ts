import { randomBytes } from 'node:crypto';

/** ASCII text of a length in bytes, flat in memory, as a database driver or a parsed request gives it. */
export function asciiText(bytes: number): string {
  const random = randomBytes(bytes);
  for (let at = 0; at < bytes; at++) random[at] = 0x20 + ((random[at] as number) % 0x5f);
  return random.toString('latin1');
}
