/**
 * Sessions on a token of PKCS #11 2.40: finds the token and the key, logs in once, and hands out a session per operation, since a session
 * does one thing at a time and a call that hangs never gives it back.
 *
 * @module
 */
import { KekFaultError } from './kek-fault.ts';

/** A handle of a slot, a session or an object. Its form is the module's own. */
export type Pkcs11Handle = number | bigint | Uint8Array;

/** Parameters of CKM_AES_GCM as pkcs11js takes them. */
export interface Pkcs11Mechanism {
  readonly mechanism: number;
  readonly parameter: {
    readonly type: number;
    readonly iv: Buffer;
    readonly aad: Buffer;
    readonly ivBits: number;
    readonly tagBits: number;
  };
}

/** What is needed of PKCS #11: `PKCS11` of pkcs11js has it, with a library loaded and C_Initialize done. */
export interface Pkcs11Module<H = Pkcs11Handle> {
  C_GetSlotList(tokenPresent: boolean): H[];
  C_GetTokenInfo(slot: H): { readonly label: string };
  C_OpenSession(slot: H, flags: number): H;
  C_CloseSession(session: H): void;
  C_Login(session: H, userType: number, pin: string): void;
  C_FindObjectsInit(session: H, template: { type: number; value: number | string }[]): void;
  C_FindObjects(session: H, maxObjectCount: number): H[];
  C_FindObjectsFinal(session: H): void;
  C_GetAttributeValue(session: H, object: H, template: { type: number }[]): { readonly value: unknown }[];
  C_EncryptInit(session: H, mechanism: Pkcs11Mechanism, key: H): void;
  C_EncryptAsync(session: H, input: Buffer, output: Buffer): Promise<Buffer>;
  C_DecryptInit(session: H, mechanism: Pkcs11Mechanism, key: H): void;
  C_DecryptAsync(session: H, input: Buffer, output: Buffer): Promise<Buffer>;
}

/** Which key on which token. */
export interface TokenOptions<H> {
  readonly module: Pkcs11Module<H>;
  readonly token: string;
  readonly key: string;
  readonly pin: () => string | Promise<string>;
  readonly allowExtractable: boolean;
}

/** Return values (CKR_…) that say that what was open is open no more: sessions, handles or the login. */
export const STALE_CODES: ReadonlySet<number> = new Set([0x30, 0x32, 0x60, 0x82, 0xb0, 0xb3, 0xe0, 0x101, 0x190]);

const CKF_SERIAL_SESSION = 4;
const CKU_USER = 1;
const CKR_PIN_CODES: ReadonlySet<number> = new Set([0xa0, 0xa1, 0xa2, 0xa3, 0xa4]);
const CKR_USER_ALREADY_LOGGED_IN = 0x100;
const ATTRIBUTES = { class: 0, label: 3, keyType: 0x100, sensitive: 0x103, extractable: 0x162 } as const;
const CKO_SECRET_KEY = 4;
const CKK_AES = 0x1f;

/** Idle sessions that are kept. */
const MAX_IDLE = 4;

interface Connection<H> {
  readonly slot: H;
  readonly key: H;
  /** Keeps the login: a token logs out when its last session is closed. */
  readonly anchor: H;
  readonly idle: H[];
}

/** A key on a token. */
export class Pkcs11Token<H> {
  readonly #options: TokenOptions<H>;
  #connection: Promise<Connection<H>> | undefined;
  #pinRefused = false;

  constructor(options: TokenOptions<H>) {
    this.#options = options;
  }

  /** Runs one operation in a session of its own. A session whose operation failed is closed, one whose operation hangs is never used again. */
  async run<T>(operation: (session: H, key: H) => Promise<T>): Promise<T> {
    const { module } = this.#options;
    this.#connection ??= this.#connect();
    const connecting = this.#connection;
    let connection: Connection<H>;
    try {
      connection = await connecting;
    } catch (error) {
      if (this.#connection === connecting) this.#connection = undefined;
      throw error;
    }
    try {
      const session = connection.idle.pop() ?? module.C_OpenSession(connection.slot, CKF_SERIAL_SESSION);
      try {
        const result = await operation(session, connection.key);
        if (connection.idle.length < MAX_IDLE) connection.idle.push(session);
        else this.#closeSession(session);
        return result;
      } catch (error) {
        this.#closeSession(session);
        throw error;
      }
    } catch (error) {
      if (STALE_CODES.has(codeOf(error)) && this.#connection === connecting) this.#connection = undefined;
      throw error;
    }
  }

  async #connect(): Promise<Connection<H>> {
    const { module, token } = this.#options;
    const slot = module
      .C_GetSlotList(true)
      .find((at) => module.C_GetTokenInfo(at).label.replace(/[\s\0]+$/, '') === token);
    if (slot === undefined) throw new KekFaultError('unavailable', 'no-such-token');
    const anchor = module.C_OpenSession(slot, CKF_SERIAL_SESSION);
    try {
      await this.#login(anchor);
      return { slot, anchor, key: this.#find(anchor), idle: [] };
    } catch (error) {
      this.#closeSession(anchor);
      throw error;
    }
  }

  /** A PIN that was refused is not tried again: a few wrong ones lock the token for everybody. */
  async #login(session: H): Promise<void> {
    if (this.#pinRefused) throw new KekFaultError('denied', 'pin');
    let pin: string;
    try {
      pin = await this.#options.pin();
    } catch {
      throw new KekFaultError('denied', 'pin'); // the reason is the function's own, and may hold anything
    }
    try {
      this.#options.module.C_Login(session, CKU_USER, pin);
    } catch (error) {
      const code = codeOf(error);
      if (code === CKR_USER_ALREADY_LOGGED_IN) return;
      this.#pinRefused = CKR_PIN_CODES.has(code);
      throw error;
    }
  }

  #find(session: H): H {
    const { module, key, allowExtractable } = this.#options;
    module.C_FindObjectsInit(session, [
      { type: ATTRIBUTES.class, value: CKO_SECRET_KEY },
      { type: ATTRIBUTES.keyType, value: CKK_AES },
      { type: ATTRIBUTES.label, value: key },
    ]);
    let found: H[];
    try {
      found = module.C_FindObjects(session, 2);
    } finally {
      module.C_FindObjectsFinal(session);
    }
    const [only, second] = found;
    if (only === undefined) throw new KekFaultError('notFound', 'no-such-key');
    if (second !== undefined) throw new KekFaultError('refused', 'two-keys-of-this-label');
    const [sensitive, extractable] = module.C_GetAttributeValue(session, only, [
      { type: ATTRIBUTES.sensitive },
      { type: ATTRIBUTES.extractable },
    ]);
    if (!allowExtractable && (isFalse(sensitive?.value) || !isFalse(extractable?.value)))
      throw new KekFaultError('refused', 'key-is-extractable');
    return only;
  }

  #closeSession(session: H): void {
    try {
      this.#options.module.C_CloseSession(session);
    } catch {
      // It is gone with the token, or was closed from outside.
    }
  }
}

/** Return value of PKCS #11 behind an error; -1 when it is none. */
export function codeOf(error: unknown): number {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'number' ? code : -1;
}

/** Whether a CK_BBOOL, as bytes or as a boolean, is CK_FALSE. */
function isFalse(value: unknown): boolean {
  return value === false || (value instanceof Uint8Array && value.length > 0 && value.every((byte) => byte === 0));
}
