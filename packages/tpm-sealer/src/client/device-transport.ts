import { close, open, read, write } from 'node:fs';
import { promisify } from 'node:util';
import { FieldsealError } from '@fieldseal/core';
import { announcedLength, HEADER_BYTES, late, MAX_REPLY, systemProblem, type Transport } from './transport.ts';

const files = { open: promisify(open), read: promisify(read), write: promisify(write), close: promisify(close) };

/** A TPM behind a character device, such as /dev/tpmrm0: a command is one write, its reply one read. */
export class DeviceTransport implements Transport {
  readonly label: string;
  readonly #fd: number;
  #problem: FieldsealError | undefined;

  /** @param fd - open for reading and writing; the transport owns it */
  constructor(fd: number, label: string) {
    this.label = label;
    this.#fd = fd;
  }

  /**
   * Opens the device.
   *
   * @throws ERR_TPM_NOT_FOUND, ERR_TPM_PERMISSION, ERR_TPM_BUSY, ERR_TPM_IO
   */
  static async open(path: string): Promise<DeviceTransport> {
    try {
      return new DeviceTransport(await files.open(path, 'r+'), path);
    } catch (error) {
      throw systemProblem(error, path);
    }
  }

  async transmit(command: Uint8Array, timeoutMs: number): Promise<Buffer> {
    if (this.#problem !== undefined) throw this.#problem;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#problem = late(this.label, timeoutMs);
        reject(this.#problem);
      }, timeoutMs);
    });
    try {
      return await Promise.race([this.#exchange(command), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.#problem ??= new FieldsealError('ERR_TPM_IO', `the TPM at ${this.label} was closed`);
    await files.close(this.#fd);
  }

  async #exchange(command: Uint8Array): Promise<Buffer> {
    try {
      // Drivers take a command only whole.
      const { bytesWritten } = await files.write(this.#fd, command, 0, command.length, null);
      if (bytesWritten !== command.length) throw this.#broken('took only a part of a command');
      const reply = Buffer.alloc(MAX_REPLY);
      let length = 0;
      for (;;) {
        const { bytesRead } = await files.read(this.#fd, reply, length, MAX_REPLY - length, null);
        if (bytesRead === 0) throw this.#broken('gave no whole reply');
        length += bytesRead;
        if (length < HEADER_BYTES) continue;
        const announced = announcedLength(reply);
        if (announced === null || length > announced) throw this.#broken('gave what is not one reply');
        if (length === announced) return reply.subarray(0, length);
      }
    } catch (error) {
      this.#problem = error instanceof FieldsealError ? error : systemProblem(error, this.label);
      throw this.#problem;
    }
  }

  #broken(how: string): FieldsealError {
    return new FieldsealError('ERR_TPM_IO', `the TPM at ${this.label} ${how}`);
  }
}
