/**
 * Reading and writing the TPM's structures: big-endian numbers, and byte strings behind their 16-bit length (TPM2B).
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';

/** One byte. */
export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

/** 16 bits. */
export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** 32 bits. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** 64 bits. */
export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** A TPM2B: the length in 16 bits, then the bytes. */
export function sized(bytes: Uint8Array): Buffer {
  return Buffer.concat([u16(bytes.length), bytes]);
}

/** Byte strings joined. */
export function join(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}

/** Reads a structure from its start. Every method throws ERR_TPM_IO where the bytes end too early. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes that were not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  u64(): bigint {
    return this.take(8).readBigUInt64BE();
  }

  /** A view of the next bytes. */
  take(length: number): Buffer {
    if (length > this.left) throw malformed('it ends too early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** The bytes of a TPM2B. */
  sized(): Buffer {
    return this.take(this.u16());
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.left > 0) throw malformed('bytes are left over');
  }
}

/** What a reply that breaks the TPM's own format gives. Returned, not thrown. */
export function malformed(how: string): FieldsealError {
  return new FieldsealError('ERR_TPM_IO', `a reply of the TPM is malformed: ${how}`);
}
