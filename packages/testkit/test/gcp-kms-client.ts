import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { GcpKmsClient } from '@fieldseal/core/kek';
import type { ServiceFault } from '../src/index.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Statuses of gRPC that the faults stand for. */
const CODES: Readonly<Partial<Record<ServiceFault, number>>> = {
  unavailable: 14,
  throttled: 8,
  denied: 7,
  disabled: 9,
  notFound: 5,
};

/** A part of an answer that was changed on its way, for the next request. */
export type Corruption = 'ciphertext' | 'plaintext' | 'sum' | 'no sum' | 'unverified';

/** A client in the documented form of KeyManagementServiceClient, with AES-256-GCM behind it. */
export class FakeGcpKms implements GcpKmsClient {
  readonly keys: Map<string, Buffer>;
  readonly buffers: Uint8Array[] = [];
  requests = 0;
  corruption: Corruption | undefined;
  #faults: ServiceFault[] = [];

  constructor(names: readonly string[]) {
    this.keys = new Map(names.map((name) => [name, randomBytes(32)]));
  }

  fail(fault: ServiceFault, times: number): void {
    this.#faults = Array.from({ length: times }, () => fault);
  }

  async encrypt(request: Parameters<GcpKmsClient['encrypt']>[0]): ReturnType<GcpKmsClient['encrypt']> {
    this.buffers.push(request.plaintext);
    if (await this.#isMalformed()) return [{}];
    const { plaintext, additionalAuthenticatedData: aad } = request;
    const sums = [castagnoli(plaintext), castagnoli(aad)];
    if (sums[0] !== request.plaintextCrc32c.value || sums[1] !== request.additionalAuthenticatedDataCrc32c.value)
      throw rpcError(3);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key(request.name), nonce, { authTagLength: TAG_BYTES }).setAAD(
      aad,
    );
    const ciphertext = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    const value = String(castagnoli(ciphertext)); // int64 comes as a text
    const damage = this.#corrupted();
    if (damage === 'ciphertext') ciphertext[20] = (ciphertext[20] as number) ^ 1;
    return [
      {
        name: `${request.name}/cryptoKeyVersions/1`,
        ciphertext,
        ...(damage !== 'no sum' && { ciphertextCrc32c: { value: damage === 'sum' ? '1' : value } }),
        verifiedPlaintextCrc32c: damage !== 'unverified',
        verifiedAdditionalAuthenticatedDataCrc32c: true,
      },
      undefined,
      undefined,
    ];
  }

  async decrypt(request: Parameters<GcpKmsClient['decrypt']>[0]): ReturnType<GcpKmsClient['decrypt']> {
    if (await this.#isMalformed()) return [{ plaintext: 'not bytes' }];
    const { ciphertext } = request;
    if (castagnoli(ciphertext) !== request.ciphertextCrc32c.value || ciphertext.length < NONCE_BYTES + TAG_BYTES)
      throw rpcError(3);
    const nonce = ciphertext.subarray(0, NONCE_BYTES);
    const cipher = createDecipheriv('aes-256-gcm', this.#key(request.name), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(request.additionalAuthenticatedData).setAuthTag(ciphertext.subarray(-TAG_BYTES));
    let plaintext: Buffer;
    try {
      plaintext = Buffer.concat([cipher.update(ciphertext.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()]);
    } catch {
      throw rpcError(3);
    }
    const value = castagnoli(plaintext);
    const damage = this.#corrupted();
    if (damage === 'plaintext') plaintext[3] = (plaintext[3] as number) ^ 1;
    if (damage !== undefined) this.buffers.push(plaintext);
    return [
      { plaintext, ...(damage !== 'no sum' && { plaintextCrc32c: { value: damage === 'sum' ? 1 : BigInt(value) } }) },
      undefined,
      undefined,
    ];
  }

  #key(name: string): Buffer {
    const key = this.keys.get(name);
    if (key === undefined) throw rpcError(5);
    return key;
  }

  /** Counts the request, and does what was asked for it. */
  async #isMalformed(): Promise<boolean> {
    this.requests++;
    const fault = this.#faults.shift();
    if (fault === undefined) return false;
    if (fault === 'malformed') return true;
    if (fault === 'hang') return new Promise(() => undefined);
    throw rpcError(CODES[fault] ?? 2);
  }

  #corrupted(): Corruption | undefined {
    const { corruption } = this;
    this.corruption = undefined;
    return corruption;
  }
}

/** An error of google-gax. Its message quotes what it likes. */
function rpcError(code: number): Error {
  return Object.assign(new Error(`${code} canaryOfTheScope`), { code, details: 'canaryOfTheScope', metadata: {} });
}

/** CRC-32C by the definition, bit by bit, and so apart from the code under test. */
export function castagnoli(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return Number(crc ^ 0xffffffffn);
}
