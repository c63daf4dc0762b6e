import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Pkcs11Mechanism, Pkcs11Module } from '@fieldseal/core/kek';
import type { ServiceFault } from '../src/index.ts';

const TAG_BYTES = 16;

/** Return values (CKR_…) that the faults stand for. */
const CODES: Readonly<Partial<Record<ServiceFault, number>>> = {
  unavailable: 0x30, // DEVICE_ERROR
  throttled: 0xb1, // SESSION_COUNT
  denied: 0xa4, // PIN_LOCKED
  disabled: 0x68, // KEY_FUNCTION_NOT_PERMITTED
};

/** A key of the stand-in. */
export interface Pkcs11Key {
  readonly label: string;
  readonly extractable?: boolean;
}

/** A stand-in for pkcs11js on a token, with AES-256-GCM of node:crypto. The job with SoftHSM tries the real one. */
export class FakePkcs11 implements Pkcs11Module<number> {
  readonly buffers: Uint8Array[] = [];
  readonly logins: string[] = [];
  readonly #keys: readonly (Pkcs11Key & { readonly bytes: Buffer })[];
  readonly #open = new Set<number>();
  readonly #operations = new Map<number, Pkcs11Mechanism & { readonly key: number }>();
  /** What a wrong tag gives. */
  tagCode = 0x40;
  /** What every decryption gives. */
  brokenCode: number | undefined;
  operations = 0;
  pin = '1234';
  #label: string | undefined;
  #faults: ServiceFault[] = [];
  #next = 1;
  #isLoggedIn = false;

  constructor(keys: readonly Pkcs11Key[]) {
    this.#keys = keys.map((key) => ({ ...key, bytes: randomBytes(32) }));
  }

  get sessions(): number {
    return this.#open.size;
  }

  fail(fault: ServiceFault, times: number): void {
    this.#faults = Array.from({ length: times }, () => fault);
  }

  closeAll(): void {
    this.#open.clear();
    this.#isLoggedIn = false;
  }

  C_GetSlotList(): number[] {
    return [6, 7];
  }

  C_GetTokenInfo(slot: number): { readonly label: string } {
    return { label: slot === 7 ? 'token'.padEnd(32) : '' };
  }

  C_OpenSession(): number {
    this.#open.add(this.#next);
    return this.#next++;
  }

  C_CloseSession(session: number): void {
    this.#check(session);
    this.#open.delete(session);
    if (this.#open.size === 0) this.#isLoggedIn = false;
  }

  C_Login(session: number, _userType: number, pin: string): void {
    this.#check(session);
    if (this.#isLoggedIn) throw error(0x100);
    this.logins.push(pin);
    if (pin !== this.pin) throw error(0xa0);
    this.#isLoggedIn = true;
  }

  C_FindObjectsInit(session: number, template: { type: number; value: number | string }[]): void {
    this.#check(session);
    this.#label = String(template.find(({ type }) => type === 3)?.value);
  }

  C_FindObjects(_session: number, maxObjectCount: number): number[] {
    const found = this.#keys.flatMap(({ label }, at) => (label === this.#label ? [at] : []));
    return found.slice(0, maxObjectCount);
  }

  C_FindObjectsFinal(): void {
    this.#label = undefined;
  }

  C_GetAttributeValue(_session: number, object: number): { readonly value: unknown }[] {
    const { extractable = false } = this.#keys[object] as Pkcs11Key;
    return [{ value: Buffer.of(1) }, { value: Buffer.of(extractable ? 1 : 0) }];
  }

  C_EncryptInit(session: number, mechanism: Pkcs11Mechanism, key: number): void {
    this.#begin(session, mechanism, key);
  }

  C_DecryptInit(session: number, mechanism: Pkcs11Mechanism, key: number): void {
    this.#begin(session, mechanism, key);
  }

  async C_EncryptAsync(session: number, input: Buffer, output: Buffer): Promise<Buffer> {
    this.buffers.push(input);
    const { iv, aad, bytes } = await this.#end(session);
    const cipher = createCipheriv('aes-256-gcm', bytes, iv, { authTagLength: TAG_BYTES }).setAAD(aad);
    const sealed = Buffer.concat([cipher.update(input), cipher.final(), cipher.getAuthTag()]);
    sealed.copy(output);
    return output.subarray(0, sealed.length);
  }

  async C_DecryptAsync(session: number, input: Buffer, output: Buffer): Promise<Buffer> {
    this.buffers.push(output);
    const { iv, aad, bytes } = await this.#end(session);
    if (this.brokenCode !== undefined) throw error(this.brokenCode);
    const cipher = createDecipheriv('aes-256-gcm', bytes, iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(aad).setAuthTag(input.subarray(-TAG_BYTES));
    try {
      const plain = Buffer.concat([cipher.update(input.subarray(0, -TAG_BYTES)), cipher.final()]);
      plain.copy(output);
      return output.subarray(0, plain.length);
    } catch {
      throw error(this.tagCode);
    }
  }

  #begin(session: number, mechanism: Pkcs11Mechanism, key: number): void {
    this.operations++;
    this.#check(session);
    if (!this.#isLoggedIn) throw error(0x101);
    const fault = this.#faults[0];
    if (fault !== undefined && fault !== 'hang') {
      this.#faults.shift();
      throw error(CODES[fault] ?? 5);
    }
    this.#operations.set(session, { ...mechanism, key });
  }

  async #end(session: number): Promise<{ iv: Buffer; aad: Buffer; bytes: Buffer }> {
    if (this.#faults.shift() === 'hang') return new Promise(() => undefined);
    const { parameter, key } = this.#operations.get(session) as Pkcs11Mechanism & { key: number };
    this.#operations.delete(session);
    await new Promise((resolve) => setImmediate(resolve));
    this.#check(session);
    return { iv: parameter.iv, aad: parameter.aad, bytes: (this.#keys[key] as { bytes: Buffer }).bytes };
  }

  #check(session: number): void {
    if (!this.#open.has(session)) throw error(0xb3);
  }
}

/** An error as pkcs11js throws it. */
function error(code: number): Error {
  return Object.assign(new Error('CKR_SOMETHING'), { name: 'Pkcs11Error', code, method: 'C_Something' });
}
