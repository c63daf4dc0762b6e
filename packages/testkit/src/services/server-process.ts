import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once as eventOnce } from 'node:events';
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { once } from './once.ts';
import type { ServerUser } from './server-user.ts';

/** What to start, and how to tell that it serves. */
export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Folder of the server; removed when it stops, but left to the caller if it never served. */
  readonly folder: string;
  /** The line of output that says that the server accepts connections. */
  readonly ready: RegExp;
  /** The first line of output that matches tells why a server ended; by default it is the last line. */
  readonly failure?: RegExp;
  /** The signal that makes the server close its connections and end at once. */
  readonly stopSignal: 'SIGINT' | 'SIGTERM';
  readonly env?: NodeJS.ProcessEnv;
  readonly user?: ServerUser | undefined;
}

/** A server that runs as a child of this process. */
export interface ServerProcess {
  /** Ends the server and removes its folder. A second call does nothing. */
  stop(): Promise<void>;
  /** Kills the process as kill -9 does, and leaves its folder. */
  kill(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;
const KEPT_LOG_CHARACTERS = 4_096;

/**
 * Starts a server and waits until its own output says that it serves. The output is asked rather than the port: another
 * process may have taken the port, and would answer in the server's place.
 *
 * The server ends with the thread that started it: by the kernel where `setpriv` can arrange it (kill -9 included), else by
 * an exit handler.
 */
export async function startServer(command: ServerCommand): Promise<ServerProcess> {
  const child = spawnBound(command);
  const onExit = (): void => {
    child.kill('SIGKILL');
    rmSync(command.folder, { recursive: true, force: true });
  };
  process.once('exit', onExit);
  try {
    await readyLine(child, command);
  } catch (error) {
    await end(child, command.stopSignal);
    process.removeListener('exit', onExit);
    throw error;
  }
  letProcessEnd(child);
  const stop = once(async () => {
    await end(child, command.stopSignal);
    process.removeListener('exit', onExit);
    rmSync(command.folder, { recursive: true, force: true });
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = eventOnce(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { stop, kill };
}

function spawnBound({ program, args, stopSignal, env, user, folder }: ServerCommand): ChildProcess {
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  const options = { stdio, cwd: folder, env: env ?? process.env };
  if (!setprivWorks()) return spawn(program, args, { ...options, ...user });
  const drop = user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  return spawn('setpriv', ['--pdeathsig', stopSignal.slice(3), ...drop, program, ...args], options);
}

let setprivKnown: boolean | undefined;

/** Asked once: the setpriv of small systems lacks --pdeathsig, and other systems have none. */
function setprivWorks(): boolean {
  setprivKnown ??= spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true']).status === 0;
  return setprivKnown;
}

function readyLine(child: ChildProcess, { ready, failure }: ServerCommand): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    const fail = (what: string, cause?: Error): void => {
      clearTimeout(timer);
      const lines = log.trim().split('\n');
      const told = lines.find((line) => failure?.test(line)) ?? lines.at(-1) ?? '';
      reject(new Error(told === '' ? what : `${what}: ${told}`, { cause }));
    };
    const timer = setTimeout(
      () => fail(`the server was not ready after ${START_TIMEOUT_MS / 1000} s`),
      START_TIMEOUT_MS,
    );
    child.once('error', (error) => fail(`the server did not start (${error.message})`, error));
    child.once('close', (code, signal) => fail(`the server ended with ${code ?? signal}`));
    for (const stream of outputs(child)) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log = (log + text).slice(-KEPT_LOG_CHARACTERS);
        if (!ready.test(log)) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = eventOnce(child, 'exit');
  child.ref();
  child.kill(signal);
  const abort = new AbortController();
  const late = delay(STOP_TIMEOUT_MS, 'late', { signal: abort.signal }).catch(() => undefined);
  if ((await Promise.race([ended, late])) === 'late') {
    child.kill('SIGKILL');
    await ended;
  }
  abort.abort();
}

/** A forgotten server must not keep the test process alive; its output is still read, or a full pipe would block it. */
function letProcessEnd(child: ChildProcess): void {
  child.unref();
  for (const stream of outputs(child)) if (stream instanceof Socket) stream.unref();
}

function outputs(child: ChildProcess): Readable[] {
  return [child.stdout, child.stderr].filter((stream) => stream !== null);
}
