import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once as eventOnce } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FieldsealTestError } from '../testkit-error.ts';
import { scratchFolder } from './scratch-folder.ts';
import { libraryEnvironment } from './server-program.ts';
import type { ServiceOptions } from './service-source.ts';
import { findSwtpmProgram } from './swtpm-program.ts';

/** Options of {@link startSwtpm}. */
export interface SwtpmOptions extends ServiceOptions {
  /** State of a TPM that was stopped with `keep`, which so restarts; by default a new TPM is made. */
  readonly state?: string;
  /** `pair`: one connected socket, which needs no port and no file. `unix`: a socket file that programs connect to, one at a time. */
  readonly server?: 'pair' | 'unix';
}

/** A software TPM 2.0 that ends with this process. */
export interface SwtpmService {
  /** The connection of a `pair`; undefined for `unix`. */
  readonly socket: Socket | undefined;
  /** The socket file of `unix`; undefined for a `pair`. Its control socket is beside it, with `.ctrl` behind the name. */
  readonly path: string | undefined;
  /** Folder with the state of the TPM. */
  readonly state: string;
  /** Shuts the TPM down. With `keep` its state stays, for a restart; the caller removes it. A second call does nothing. */
  stop(keep?: boolean): Promise<void>;
  /** Ends the TPM without a shutdown, as a power cut does. Its state stays; the caller removes it. */
  powerCut(): Promise<void>;
}

const ADVICE =
  'Install swtpm (Debian: apt-get install swtpm; macOS: port install swtpm), or name its program in TEST_SWTPM_BIN. On Debian ' +
  '`npm test` unpacks one by itself unless TEST_SERVICES_INSTALL=never.';

const START_TIMEOUT_MS = 20_000;
const CONNECT_PAUSE_MS = 5;

/** TPM2_GetRandom(1). Its answer shows that the TPM serves. */
const FIRST_COMMAND = Buffer.from('80010000000c0000017b0001', 'hex');

/**
 * Starts a software TPM of its own: TEST_SWTPM_BIN, else an installed swtpm, else the one that the set-up unpacked. It ends when this process
 * does, kill -9 included for a `pair`.
 *
 * @throws FieldsealTestError that says what to install
 */
export async function startSwtpm(options: SwtpmOptions = {}): Promise<SwtpmService> {
  const program = findSwtpmProgram(options.env ?? process.env);
  if (program === undefined)
    throw new FieldsealTestError(`no swtpm in TEST_SWTPM_BIN, PATH or .cache/services/swtpm\n${ADVICE}`);
  const state = options.state ?? scratchFolder('swtpm', undefined);
  const path = options.server === 'unix' ? join(state, 'tpm') : undefined;
  const server =
    path === undefined
      ? ['--fd', '3']
      : ['--server', `type=unixio,path=${path}`, '--ctrl', `type=unixio,path=${path}.ctrl`];
  const logPath = join(state, 'log');
  // A file, not a pipe: a test that blocks would leave a pipe unread, and swtpm waiting.
  const log = openSync(logPath, 'w');
  const args = ['socket', '--tpm2', '--tpmstate', `dir=${state}`, '--flags', 'not-need-init,startup-clear', ...server];
  // A pair ends with its other end; a socket file would outlive a killed test.
  const bound =
    path !== undefined && setprivWorks() ? ['setpriv', '--pdeathsig', 'TERM', program.path] : [program.path];
  const child = spawn(bound[0] as string, [...bound.slice(1), ...args], {
    stdio: ['ignore', 'ignore', log, path === undefined ? 'pipe' : 'ignore'],
    env: libraryEnvironment(program),
  });
  closeSync(log);
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const onExit = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', onExit);
  const socket = path === undefined ? (child.stdio[3] as Socket) : undefined;
  const end = async (signal?: NodeJS.Signals): Promise<void> => {
    // The socket keeps its child waiting for it to close, so that both ends of a pair go at once.
    if (signal !== undefined) child.kill(signal);
    socket?.destroy();
    child.ref();
    await gone;
    process.removeListener('exit', onExit);
  };
  try {
    await serving(child, socket, path, logPath);
  } catch (error) {
    await end('SIGKILL');
    if (options.state === undefined) rmSync(state, { recursive: true, force: true });
    throw new FieldsealTestError(`swtpm did not start: ${(error as Error).message}\n${ADVICE}`, { cause: error });
  }
  child.unref();
  socket?.unref();
  let stopped: Promise<void> | undefined;
  const stop = async (keep = false): Promise<void> => {
    stopped ??= end(path === undefined ? undefined : 'SIGTERM');
    await stopped;
    if (!keep) rmSync(state, { recursive: true, force: true });
  };
  return { socket, path, state, stop, powerCut: () => end('SIGKILL') };
}

let setprivKnown: boolean | undefined;

/** Asked once: the setpriv of small systems lacks --pdeathsig, and other systems have none. */
function setprivWorks(): boolean {
  setprivKnown ??= spawnSync('setpriv', ['--pdeathsig', 'TERM', 'true']).status === 0;
  return setprivKnown;
}

/** Resolves when the TPM has answered a command; rejects when its program ended. */
async function serving(
  child: ChildProcess,
  socket: Socket | undefined,
  path: string | undefined,
  logPath: string,
): Promise<void> {
  const abort = new AbortController();
  const ended = Promise.race([
    eventOnce(child, 'error', abort).then(([error]) => Promise.reject(error)),
    eventOnce(child, 'close', abort).then(() =>
      Promise.reject(new Error(readFileSync(logPath, 'utf8').trim() || 'it ended at once')),
    ),
    delay(START_TIMEOUT_MS, undefined, abort).then(() => Promise.reject(new Error('it did not answer'))),
  ]);
  ended.catch(() => undefined);
  try {
    const connection = socket ?? (await Promise.race([connected(path as string, abort.signal), ended]));
    await Promise.race([answered(connection), ended]);
    if (socket === undefined) connection.destroy();
  } finally {
    abort.abort();
  }
}

async function connected(path: string, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    const socket = connect(path);
    try {
      await eventOnce(socket, 'connect');
      return socket;
    } catch {
      await delay(CONNECT_PAUSE_MS, undefined, { signal }); // the socket file is not there yet
    }
  }
}

async function answered(socket: Socket): Promise<void> {
  socket.write(FIRST_COMMAND);
  let received = 0;
  const whole = 13;
  await new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      received += chunk.length;
      if (received < whole) return;
      socket.off('data', onData).off('error', reject);
      resolve();
    };
    socket.on('data', onData);
    socket.once('error', reject);
  });
}
