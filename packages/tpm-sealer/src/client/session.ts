import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  type ECDH,
  publicEncrypt,
  timingSafeEqual,
} from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';
import type { Authorization, AuthorizedCommand } from './authorization.ts';
import { join, malformed, type Reader, sized, u8, u16, u32 } from './bytes.ts';
import { ALG, COMMANDS, type CommandName, HANDLE, SESSION } from './constants.ts';
import { ephemeralKey } from './entropy.ts';
import { hmac, kdfa, kdfe, sha256 } from './kdf.ts';
import { type PublicArea, parsePublic } from './public-area.ts';
import type { Tpm, TpmObject } from './tpm.ts';

/** A key of the TPM to which the secret of a session is encrypted, with its public area, whose Name the caller has checked. */
export interface SaltKey extends TpmObject {
  readonly publicArea: Uint8Array;
}

/** How a session authorises one command. */
export interface SessionUse {
  /** Authorisation value of the handle; empty by default. */
  readonly authValue?: Uint8Array;
  /** Encrypt the first parameter of the command. */
  readonly encryptCommand?: boolean;
  /** Have the TPM encrypt the first parameter of the reply. */
  readonly encryptReply?: boolean;
  /** Leave the session open after the command. */
  readonly keep?: boolean;
}

const NONCE_BYTES = 32;
const TYPES = { hmac: 0, policy: 1 } as const;

/**
 * An HMAC or policy session. Every command that it authorises carries a fresh nonce and an HMAC, and so does every reply; parameters are
 * encrypted by AES-128-CFB where the use of the session asks for it.
 */
export class Session {
  readonly handle: number;
  /** A policy session in which TPM2_PolicyAuthValue ran: its HMAC proves the authorisation value besides. */
  provesAuthValue = false;
  readonly #tpm: Tpm;
  readonly #type: keyof typeof TYPES;
  readonly #key: Buffer;
  #nonceTpm: Buffer;

  private constructor(tpm: Tpm, type: keyof typeof TYPES, handle: number, key: Buffer, nonceTpm: Buffer) {
    this.#tpm = tpm;
    this.#type = type;
    this.handle = handle;
    this.#key = key;
    this.#nonceTpm = nonceTpm;
  }

  /**
   * Starts a session whose secret only the TPM with the private half of `saltKey` can know.
   *
   * @param saltKey - null only to authorise the making of that key itself: such a session hides its authorisation value, and nothing else
   * @throws ERR_TPM_ENCRYPTION_UNSUPPORTED for a key that is neither P-256 nor RSA
   */
  static async start(tpm: Tpm, type: keyof typeof TYPES, saltKey: SaltKey | null): Promise<Session> {
    const nonceCaller = tpm.entropy.bytes(NONCE_BYTES);
    const salt = saltKey === null ? { secret: Buffer.alloc(0), encrypted: Buffer.alloc(0) } : makeSalt(tpm, saltKey);
    const { handle, params } = await tpm.run({
      command: 'StartAuthSession',
      handles: [saltKey ?? namedByHandle(HANDLE.NULL), namedByHandle(HANDLE.NULL)],
      params: join(
        sized(nonceCaller),
        sized(salt.encrypted),
        u8(TYPES[type]),
        join(u16(ALG.AES), u16(128), u16(ALG.CFB)),
        u16(ALG.SHA256),
      ),
      givesHandle: true,
    });
    const nonceTpm = Buffer.from(params.sized());
    params.end();
    if (nonceTpm.length < NONCE_BYTES / 2) throw malformed('its nonce is too short');
    const key = saltKey === null ? Buffer.alloc(0) : kdfa(salt.secret, 'ATH', nonceTpm, nonceCaller, 256);
    salt.secret.fill(0);
    return new Session(tpm, type, handle, key, nonceTpm);
  }

  /** Authorises one command. */
  use({
    authValue = new Uint8Array(),
    encryptCommand = false,
    encryptReply = false,
    keep = true,
  }: SessionUse = {}): Authorization {
    const value = withoutTrailingZeros(authValue);
    const parameterKey = join(this.#key, value);
    const hmacKey = this.#type === 'hmac' || this.provesAuthValue ? parameterKey : this.#key;
    const attributes =
      (keep ? SESSION.CONTINUE : 0) | (encryptCommand ? SESSION.DECRYPT : 0) | (encryptReply ? SESSION.ENCRYPT : 0);
    let nonceCaller: Buffer;
    return {
      authorize: ({ command, names, params }: AuthorizedCommand) => {
        nonceCaller = this.#tpm.entropy.bytes(NONCE_BYTES);
        const sent = encryptCommand ? cryptFirst(true, parameterKey, nonceCaller, this.#nonceTpm, params) : params;
        const cpHash = sha256(u32(COMMANDS[command]), ...names, sent);
        const code = hmac(hmacKey, cpHash, nonceCaller, this.#nonceTpm, u8(attributes));
        return { area: join(u32(this.handle), sized(nonceCaller), u8(attributes), sized(code)), params: sent };
      },
      accept: (command: CommandName, params: Buffer, area: Reader) => {
        const [nonceTpm, replied, code] = [Buffer.from(area.sized()), area.u8(), area.sized()];
        const rpHash = sha256(u32(0), u32(COMMANDS[command]), params);
        const expected = hmac(hmacKey, rpHash, nonceTpm, nonceCaller, u8(replied));
        if (code.length !== expected.length || !timingSafeEqual(code, expected)) throw notOfTheTpm(command);
        if ((replied & (SESSION.ENCRYPT | SESSION.CONTINUE)) !== (attributes & (SESSION.ENCRYPT | SESSION.CONTINUE)))
          throw notOfTheTpm(command);
        this.#nonceTpm = nonceTpm;
        if (!keep) this.#tpm.forget(this.handle);
        const clear = encryptReply ? cryptFirst(false, parameterKey, nonceTpm, nonceCaller, params) : params;
        parameterKey.fill(0);
        return clear;
      },
    };
  }

  /** Overwrites the key of the session, as far as JavaScript can. */
  wipe(): void {
    this.#key.fill(0);
  }
}

/** What has no public area is named by its handle: hierarchies, PCRs and sessions. */
export function namedByHandle(handle: number): TpmObject {
  return { handle, name: u32(handle) };
}

/** Encrypts or decrypts the first parameter, a TPM2B; its length stays in clear. `newer` is the nonce of whoever encrypts. */
function cryptFirst(encrypt: boolean, key: Uint8Array, newer: Uint8Array, older: Uint8Array, params: Buffer): Buffer {
  if (params.length < 2 || params.length < 2 + params.readUInt16BE(0)) throw malformed('an encrypted parameter is cut');
  const end = 2 + params.readUInt16BE(0);
  const secret = kdfa(key, 'CFB', newer, older, 256);
  const cipher = (encrypt ? createCipheriv : createDecipheriv)(
    'aes-128-cfb',
    secret.subarray(0, 16),
    secret.subarray(16),
  );
  const crypted = cipher.update(params.subarray(2, end));
  secret.fill(0);
  const whole = join(params.subarray(0, 2), crypted, params.subarray(end));
  crypted.fill(0);
  return whole;
}

function makeSalt(tpm: Tpm, { publicArea }: SaltKey): { secret: Buffer; encrypted: Buffer } {
  const { key } = parsePublic(publicArea);
  if (key?.kind === 'rsa') return rsaSalt(tpm, key);
  if (key?.kind !== 'ecc' || key.curve !== ALG.P256)
    throw new FieldsealError('ERR_TPM_ENCRYPTION_UNSUPPORTED', 'the storage key of the TPM is neither P-256 nor RSA');
  const [x, y] = [padded(key.x), padded(key.y)];
  const ephemeral = ephemeralKey(tpm.entropy);
  const point = ephemeral.getPublicKey();
  const [ownX, ownY] = [point.subarray(1, 33), point.subarray(33)];
  const shared = padded(sharedSecret(ephemeral, join(u8(4), x, y)));
  const secret = kdfe(shared, 'SECRET', ownX, x);
  shared.fill(0);
  return { secret, encrypted: join(sized(ownX), sized(ownY)) };
}

function sharedSecret(ephemeral: ECDH, point: Uint8Array): Buffer {
  try {
    return ephemeral.computeSecret(point);
  } catch {
    throw malformed('the storage key is no point of its curve');
  }
}

function rsaSalt(
  tpm: Tpm,
  { modulus, exponent }: Extract<PublicArea['key'], { kind: 'rsa' }>,
): { secret: Buffer; encrypted: Buffer } {
  const e = u32(exponent);
  const jwk = {
    kty: 'RSA',
    n: modulus.toString('base64url'),
    e: e.subarray(e.findIndex((byte) => byte !== 0)).toString('base64url'),
  };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const secret = tpm.entropy.bytes(32);
  const oaep = { oaepHash: 'sha256', oaepLabel: Buffer.from('SECRET\0'), padding: constants.RSA_PKCS1_OAEP_PADDING };
  return { secret, encrypted: publicEncrypt({ key, ...oaep }, secret) };
}

/** Coordinates come without leading zeros; the derivations take them at full length. */
function padded(coordinate: Uint8Array): Buffer {
  return join(Buffer.alloc(Math.max(0, 32 - coordinate.length)), coordinate);
}

function withoutTrailingZeros(value: Uint8Array): Uint8Array {
  let end = value.length;
  while (end > 0 && value[end - 1] === 0) end--;
  return value.subarray(0, end);
}

function notOfTheTpm(command: CommandName): FieldsealError {
  return new FieldsealError(
    'ERR_TPM_IO',
    `the reply to TPM2_${command} is not the TPM's: its authentication code is wrong`,
  );
}
