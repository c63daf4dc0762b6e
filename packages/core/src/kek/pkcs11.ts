/**
 * A KEK in a hardware security module through PKCS #11 2.40: AES-GCM with the context as AAD, under a key that never leaves the device.
 *
 * wrapped = 0x01 ‖ IV(12) ‖ ciphertext(32) ‖ tag(16)
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { concat, view } from '../bytes.ts';
import { decryptError, FieldsealError } from '../errors.ts';
import { KEY_BYTES } from '../kdf.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { CallPolicy } from './call-policy.ts';
import { type FaultKind, type KekFault, KekFaultError } from './kek-fault.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import {
  codeOf,
  type Pkcs11Handle,
  type Pkcs11Mechanism,
  type Pkcs11Module,
  Pkcs11Token,
  STALE_CODES,
} from './pkcs11-token.ts';
import { remoteKek } from './remote-kek.ts';

/** Options of {@link pkcs11Kek}. */
export interface Pkcs11Options<H = Pkcs11Handle> extends CallPolicy {
  /**
   * `PKCS11` of pkcs11js, with the library of the device loaded and `C_Initialize({ flags: 2 })` done: the flag CKF_OS_LOCKING_OK, because
   * operations run on threads.
   */
  readonly module: Pkcs11Module<H>;
  /** Label of the token. */
  readonly token: string;
  /** Label (CKA_LABEL) of an AES key that is sensitive and cannot be extracted. */
  readonly key: string;
  /** Gives the user's PIN, when a session is opened. */
  readonly pin: () => string | Promise<string>;
  /** Takes a key that can be read out of the device; refused by default. */
  readonly allowExtractable?: boolean;
  /** Whether the library wants CK_GCM_PARAMS without ulIvBits, as some of before 2015 do. The wrong one makes the library read other memory. */
  readonly oldGcmParameters?: boolean;
  /** Id of the KEK; `pkcs11:`, the token and the key by default. */
  readonly id?: string;
}

const FORMAT = 0x01;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const WRAPPED_BYTES = 1 + IV_BYTES + KEY_BYTES + TAG_BYTES;
const CKM_AES_GCM = 0x1087;
/** Numbers by which pkcs11js names the two forms of CK_GCM_PARAMS. */
const PARAMETERS = { present: 3, old: 7 } as const;

/** Return values (CKR_…) that say what is wrong; of the others nothing is known. */
const CODES: Readonly<Record<number, FaultKind>> = {
  2: 'unavailable', // HOST_MEMORY
  5: 'unavailable', // GENERAL_ERROR
  6: 'unavailable', // FUNCTION_FAILED
  48: 'unavailable', // DEVICE_ERROR
  49: 'unavailable', // DEVICE_MEMORY
  50: 'unavailable', // DEVICE_REMOVED
  53: 'decrypt', // AEAD_DECRYPT_FAILED (PKCS #11 3.0)
  64: 'decrypt', // ENCRYPTED_DATA_INVALID
  65: 'decrypt', // ENCRYPTED_DATA_LEN_RANGE
  96: 'unavailable', // KEY_HANDLE_INVALID: found again with the next attempt
  99: 'refused', // KEY_TYPE_INCONSISTENT
  104: 'disabled', // KEY_FUNCTION_NOT_PERMITTED
  112: 'refused', // MECHANISM_INVALID
  113: 'refused', // MECHANISM_PARAM_INVALID
  130: 'unavailable', // OBJECT_HANDLE_INVALID
  144: 'unavailable', // OPERATION_ACTIVE
  160: 'denied', // PIN_INCORRECT
  161: 'denied', // PIN_INVALID
  162: 'denied', // PIN_LEN_RANGE
  163: 'denied', // PIN_EXPIRED
  164: 'denied', // PIN_LOCKED
  176: 'unavailable', // SESSION_CLOSED
  177: 'throttled', // SESSION_COUNT
  179: 'unavailable', // SESSION_HANDLE_INVALID
  224: 'unavailable', // TOKEN_NOT_PRESENT
  257: 'unavailable', // USER_NOT_LOGGED_IN: logged in with the next attempt
  258: 'denied', // USER_PIN_NOT_INITIALIZED
  400: 'unavailable', // CRYPTOKI_NOT_INITIALIZED
};

/** Return values that some libraries (SoftHSM 2.6 is one) give for a wrong tag, and others for a device in trouble. */
const VAGUE_CODES: ReadonlySet<number> = new Set([0x05, 0x06]);

/** A KEK in a device that PKCS #11 speaks to. Its IVs are random: no more than 2^32 keys under one KEK (NIST SP 800-38D §8.3). */
export function pkcs11Kek<H = Pkcs11Handle>(options: Pkcs11Options<H>): KeyWrapper {
  const { module, key, pin, allowExtractable = false, oldGcmParameters = false } = options;
  if (options.token === '' || key === '')
    throw new FieldsealError('ERR_OPTIONS', 'PKCS #11 needs the labels of token and key');
  const token = new Pkcs11Token({ module, token: options.token, key, pin, allowExtractable });
  const mechanism = (iv: Uint8Array, aad: Uint8Array): Pkcs11Mechanism => ({
    mechanism: CKM_AES_GCM,
    parameter: {
      type: oldGcmParameters ? PARAMETERS.old : PARAMETERS.present,
      iv: view(iv),
      aad: view(aad),
      ivBits: IV_BYTES * 8,
      tagBits: TAG_BYTES * 8,
    },
  });
  const seal = (iv: Uint8Array, aad: Uint8Array, data: Uint8Array): Promise<Uint8Array> =>
    token.run((session, handle) => {
      module.C_EncryptInit(session, mechanism(iv, aad), handle);
      return module.C_EncryptAsync(session, view(data), Buffer.alloc(data.length + TAG_BYTES));
    });
  const open = (iv: Uint8Array, aad: Uint8Array, data: Uint8Array): Promise<Uint8Array> =>
    token.run(async (session, handle) => {
      module.C_DecryptInit(session, mechanism(iv, aad), handle);
      // As long as the input: some libraries ask for room for the tag.
      const room = Buffer.alloc(data.length);
      const plain = await module.C_DecryptAsync(session, view(data), room);
      const secret = Uint8Array.from(plain);
      plain.fill(0);
      room.fill(0);
      return secret;
    });
  /** Whether the device decrypts what it has just encrypted: then a refusal was about the ciphertext. */
  const isWell = async (): Promise<boolean> => {
    const [iv, data] = [randomBytes(IV_BYTES), randomBytes(KEY_BYTES)];
    try {
      return view(data).equals(await open(iv, iv, await seal(iv, iv, data)));
    } catch {
      return false;
    }
  };

  return remoteKek(
    options.id ?? `pkcs11:${options.token}/${key}`,
    {
      name: 'PKCS #11',
      bindsContext: true,
      async encrypt(plaintext, { aad }) {
        const iv = randomBytes(IV_BYTES);
        const sealed = await seal(iv, aad, plaintext.expose());
        if (sealed.length !== KEY_BYTES + TAG_BYTES) throw new KekFaultError('response', 'length');
        return concat(Uint8Array.of(FORMAT), iv, sealed);
      },
      async decrypt(wrapped, { aad, context }) {
        if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== FORMAT) throw decryptError({ keyId: context.keyId });
        const iv = wrapped.subarray(1, 1 + IV_BYTES);
        try {
          return SecretBytes.take(await open(iv, aad, wrapped.subarray(1 + IV_BYTES)));
        } catch (error) {
          if (VAGUE_CODES.has(codeOf(error)) && (await isWell())) throw decryptError({ keyId: context.keyId });
          throw error;
        }
      },
      fault,
    },
    options,
  );
}

function fault(error: unknown): KekFault {
  const code = codeOf(error);
  if (code < 0) return { kind: 'response' };
  return {
    kind: CODES[code] ?? (STALE_CODES.has(code) ? 'unavailable' : 'response'),
    detail: `CKR:0x${code.toString(16)}`,
  };
}
