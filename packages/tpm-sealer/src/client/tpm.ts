import { setTimeout as delay } from 'node:timers/promises';
import type { Authorization } from './authorization.ts';
import { join, malformed, Reader, u16, u32 } from './bytes.ts';
import { COMMANDS, type CommandName } from './constants.ts';
import { type Entropy, systemEntropy } from './entropy.ts';
import { RC, TpmRcError } from './response-code.ts';
import { HEADER_BYTES, type Transport } from './transport.ts';

/** Something inside the TPM that a command works on. */
export interface TpmObject {
  readonly handle: number;
  /** What an authorisation commits to; see namedByHandle for what has no public area. */
  readonly name: Uint8Array;
}

/** A command and what it needs. */
export interface TpmCommand {
  readonly command: CommandName;
  readonly handles?: readonly TpmObject[];
  /** Authorises the first handle. No command of this client needs more than one. */
  readonly auth?: Authorization | undefined;
  readonly params?: Uint8Array;
  /** Whether a handle stands before the parameters of the reply. */
  readonly givesHandle?: boolean;
}

/** Options of {@link Tpm}. */
export interface TpmOptions {
  /** How long one command may take, in ms; 30 seconds by default. Some TPMs take seconds to make a key. */
  readonly timeoutMs?: number;
  readonly entropy?: Entropy;
}

const TAG_NO_SESSIONS = 0x8001;
const TAG_SESSIONS = 0x8002;

/** Default of {@link TpmOptions.timeoutMs}. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** Codes with which a TPM asks for the same command again. */
const AGAIN: ReadonlySet<number> = new Set([RC.RETRY, RC.TESTING, RC.NV_RATE, RC.YIELDED]);
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 500;

/** Not a copy: parameters may hold a secret, which their owner wipes. */
function sameMemory(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Parameters of a reply, and the handle before them. */
export interface TpmReply {
  /** 0 if the command gives none. */
  readonly handle: number;
  readonly params: Reader;
}

/**
 * Speaks to a TPM, one command after another, and remembers what has to be flushed. It takes no lock: run operations through
 * {@link TpmDevice}, which does.
 */
export class Tpm {
  readonly entropy: Entropy;
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  /** Transient objects and sessions, the newest last. */
  readonly #open: number[] = [];

  constructor(transport: Transport, options: TpmOptions = {}) {
    this.#transport = transport;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.entropy = options.entropy ?? systemEntropy;
  }

  /**
   * Runs a command. Where the TPM asks for it, the same bytes are sent again after a pause, within the timeout of one command.
   *
   * @throws TpmRcError for a response code, ERR_TPM_IO for a reply that is malformed or not the TPM's, ERR_TPM_TIMEOUT, ERR_TPM_BUSY
   */
  async run({
    command,
    handles = [],
    auth,
    params = new Uint8Array(),
    givesHandle = false,
  }: TpmCommand): Promise<TpmReply> {
    const names = handles.map(({ name }) => name);
    const authorized = auth?.authorize({ command, names, params: sameMemory(params) });
    const body = join(
      ...handles.map(({ handle }) => u32(handle)),
      ...(authorized === undefined ? [params] : [u32(authorized.area.length), authorized.area, authorized.params]),
    );
    const tag = authorized === undefined ? TAG_NO_SESSIONS : TAG_SESSIONS;
    const reply = await this.#exchange(
      command,
      join(u16(tag), u32(HEADER_BYTES + body.length), u32(COMMANDS[command]), body),
    );
    if (reply.u16() !== tag) throw malformed('its tag is not that of the command');
    reply.take(8); // size and code were read before
    const handle = givesHandle ? reply.u32() : 0;
    if (givesHandle) this.#open.push(handle);
    if (auth === undefined) return { handle, params: reply };
    const received = Buffer.from(reply.take(reply.u32()));
    const clear = auth.accept(command, received, reply);
    reply.end();
    return { handle, params: new Reader(clear) };
  }

  /** Removes an object or session from the TPM. */
  async flush(handle: number): Promise<void> {
    this.forget(handle);
    (await this.run({ command: 'FlushContext', params: u32(handle) })).params.end();
  }

  /** Stops remembering a handle that the TPM has dropped by itself. */
  forget(handle: number): void {
    const at = this.#open.indexOf(handle);
    if (at >= 0) this.#open.splice(at, 1);
  }

  /** Removes everything that is still open. All of it is tried; the first failure is thrown. */
  async flushAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const handle of [...this.#open].reverse()) await this.flush(handle).catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  async #exchange(command: CommandName, bytes: Buffer): Promise<Reader> {
    const deadline = performance.now() + this.#timeoutMs;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const left = Math.max(1, deadline - performance.now());
      const reply = await this.#transport.transmit(bytes, Math.ceil(left));
      const head = new Reader(reply);
      const [tag, size, rc] = [head.u16(), head.u32(), head.u32()];
      if (size !== reply.length) throw malformed('its length is not the announced one');
      if (rc === RC.SUCCESS) return new Reader(reply);
      if (tag !== TAG_NO_SESSIONS) throw malformed('its tag is not that of an error');
      if (!AGAIN.has(rc) || performance.now() + pause > deadline) throw new TpmRcError(command, rc);
      await delay(pause);
    }
  }
}
