import { randomUUID } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long to wait for another holder, in ms, and how often to look. */
const WAIT_MS = 5000;
const POLL_MS = 20;

/** A lock of another host is given up after so long, in ms: a change takes milliseconds. */
const STALE_MS = 5 * 60_000;

/**
 * A lock file, so that writers take turns. One that a process left when it was killed is taken over: at once if the process was of this
 * host and is gone, otherwise after five minutes.
 */
export class FileLock {
  readonly #path: string;
  readonly #content: string;

  private constructor(path: string, content: string) {
    this.#path = path;
    this.#content = content;
  }

  /** Takes the lock; null when another holder keeps it for five seconds. Throws what the file system throws. */
  static async acquire(path: string): Promise<FileLock | null> {
    const content = JSON.stringify({ host: hostname(), pid: process.pid, token: randomUUID() });
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      try {
        await writeFile(path, content, { flag: 'wx', mode: 0o600 });
        return new FileLock(path, content);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      if (await takeAway(path)) continue;
      if (performance.now() > deadline) return null;
      await sleep(POLL_MS);
    }
  }

  /** Whether the lock is still this one's: asked right before anything is made final. */
  async held(): Promise<boolean> {
    return (await contentOf(this.#path)) === this.#content;
  }

  /** Gives the lock back, if it is still this one's. */
  async release(): Promise<void> {
    if (await this.held()) await rm(this.#path, { force: true });
  }
}

/**
 * Removes a lock whose holder is gone. Of several that see it one does, under a lock of its own: what it reads there stays until it is removed,
 * since only the holder, who is gone, would remove it too. So a new holder's lock is never taken away in its place.
 */
async function takeAway(path: string): Promise<boolean> {
  const content = await contentOf(path);
  if (content === null) return true;
  if (!(await isStale(path, content))) return false;
  const turn = `${path}.takeover`;
  try {
    await writeFile(turn, '', { flag: 'wx', mode: 0o600 });
  } catch {
    if ((await ageOf(turn)) > STALE_MS) await rm(turn, { force: true }); // left by a process that was killed in between
    return false;
  }
  try {
    if ((await contentOf(path)) === content) await rm(path, { force: true });
  } finally {
    await rm(turn, { force: true });
  }
  return true;
}

async function isStale(path: string, content: string): Promise<boolean> {
  try {
    const { host, pid } = JSON.parse(content) as { host?: unknown; pid?: unknown };
    if (host === hostname() && typeof pid === 'number') return !isAlive(pid);
  } catch {
    // Not one of ours, or cut off by a crash: its age decides.
  }
  return (await ageOf(path)) > STALE_MS;
}

/** Age of a file in ms, 0 when it is not there. */
async function ageOf(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
}

/** Signal 0 asks whether a process exists; EPERM says that it does and is another user's. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function contentOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}
