import { connect, type Socket } from 'node:net';
import { FieldsealError } from '@fieldseal/core';
import { announcedLength, HEADER_BYTES, late, systemProblem, type Transport } from './transport.ts';

/** A TPM behind a stream: swtpm over TCP, a UNIX socket or a socket pair. Replies are cut by the length in their header. */
export class SocketTransport implements Transport {
  readonly label: string;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting: { readonly resolve: (reply: Buffer) => void; readonly reject: (error: unknown) => void } | undefined;
  #problem: FieldsealError | undefined;

  /** @param socket - connected; the transport owns it */
  constructor(socket: Socket, label = 'the given socket') {
    this.label = label;
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(systemProblem(error, label)));
    socket.on('close', () => this.#fail(new FieldsealError('ERR_TPM_IO', `the TPM at ${label} closed the connection`)));
    socket.resume();
    socket.unref();
  }

  async transmit(command: Uint8Array, timeoutMs: number): Promise<Buffer> {
    if (this.#problem !== undefined) throw this.#problem;
    this.#socket.ref();
    const timer = setTimeout(() => this.#fail(late(this.label, timeoutMs)), timeoutMs);
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        this.#socket.write(command);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
      this.#socket.unref();
    }
  }

  async close(): Promise<void> {
    this.#fail(new FieldsealError('ERR_TPM_IO', `the connection to the TPM at ${this.label} was closed`));
  }

  #take(chunk: Buffer): void {
    // Nobody asked: whatever comes next cannot be matched to a command any more.
    if (this.#waiting === undefined) {
      this.#fail(this.#unasked());
      return;
    }
    this.#received = Buffer.concat([this.#received, chunk]);
    if (this.#received.length < HEADER_BYTES) return;
    const length = announcedLength(this.#received);
    if (length !== null && this.#received.length < length) return;
    if (length !== this.#received.length) {
      this.#fail(this.#unasked());
      return;
    }
    const reply = this.#received;
    this.#received = Buffer.alloc(0);
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(reply);
  }

  #unasked(): FieldsealError {
    return new FieldsealError('ERR_TPM_IO', `the TPM at ${this.label} sent what nobody asked for`);
  }

  #fail(problem: FieldsealError): void {
    this.#problem ??= problem;
    this.#waiting?.reject(problem);
    this.#waiting = undefined;
    this.#socket.destroy();
  }
}

/**
 * Connects to a TPM behind a UNIX socket or a TCP port.
 *
 * @throws ERR_TPM_NOT_FOUND, ERR_TPM_PERMISSION, ERR_TPM_TIMEOUT, ERR_TPM_IO
 */
export function connectTransport(
  to: { readonly path: string } | { readonly host: string; readonly port: number },
  timeoutMs: number,
): Promise<SocketTransport> {
  const label = 'path' in to ? to.path : `${to.host}:${to.port}`;
  const socket = connect(to);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(late(label, timeoutMs)), timeoutMs);
    const end = (error: unknown): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => end(systemProblem(error, label));
    socket.once('error', onError);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      socket.setNoDelay?.(true);
      resolve(new SocketTransport(socket, label));
    });
  });
}
