/**
 * Public areas of objects (TPMT_PUBLIC) and their Names.
 *
 * @module
 */
import { join, Reader, sized, u16, u32 } from './bytes.ts';
import { ALG, OBJECT } from './constants.ts';
import { sha256 } from './kdf.ts';

/** What this client reads in a public area. */
export interface PublicArea {
  readonly type: number;
  readonly nameAlg: number;
  readonly attributes: number;
  /** Policy digest; empty without one. */
  readonly policy: Buffer;
  /** Of an RSA or elliptic-curve key. */
  readonly key:
    | { readonly kind: 'rsa'; readonly modulus: Buffer; readonly exponent: number }
    | { readonly kind: 'ecc'; readonly curve: number; readonly x: Buffer; readonly y: Buffer }
    | null;
}

const SRK_ATTRIBUTES =
  OBJECT.FIXED_TPM |
  OBJECT.FIXED_PARENT |
  OBJECT.SENSITIVE_DATA_ORIGIN |
  OBJECT.USER_WITH_AUTH |
  OBJECT.NO_DA |
  OBJECT.RESTRICTED |
  OBJECT.DECRYPT;

const AES_128_CFB = join(u16(ALG.AES), u16(128), u16(ALG.CFB));

/** Storage root key on P-256 by the TCG's template H-2: a TPM always makes the same one, until it is cleared. */
export const SRK_TEMPLATE: Uint8Array = join(
  u16(ALG.ECC),
  u16(ALG.SHA256),
  u32(SRK_ATTRIBUTES),
  sized(new Uint8Array()),
  AES_128_CFB,
  u16(ALG.NULL),
  u16(ALG.P256),
  u16(ALG.NULL),
  sized(new Uint8Array()),
  sized(new Uint8Array()),
);

/** Template of a sealed object. */
export function sealedTemplate(attributes: number, policy: Uint8Array): Buffer {
  const head = join(u16(ALG.KEYEDHASH), u16(ALG.SHA256), u32(attributes), sized(policy));
  return join(head, u16(ALG.NULL), sized(new Uint8Array()));
}

/** Public area of an outside P-256 key that verifies signatures, with the attributes that tpm2-tools give it: they are part of its Name. */
export function verifierPublic(x: Uint8Array, y: Uint8Array): Buffer {
  const head = join(
    u16(ALG.ECC),
    u16(ALG.SHA256),
    u32(OBJECT.SIGN | OBJECT.DECRYPT | OBJECT.USER_WITH_AUTH),
    sized(new Uint8Array()),
  );
  return join(head, u16(ALG.NULL), u16(ALG.NULL), u16(ALG.P256), u16(ALG.NULL), sized(x), sized(y));
}

/** Reads a public area. Throws ERR_TPM_IO when it is malformed. */
export function parsePublic(bytes: Uint8Array): PublicArea {
  const reader = new Reader(bytes);
  const [type, nameAlg, attributes, policy] = [reader.u16(), reader.u16(), reader.u32(), reader.sized()];
  const key = parseKey(type, reader);
  reader.end();
  return { type, nameAlg, attributes, policy, key };
}

/** Name of an object or NV index by its public area: the algorithm and the hash, which is SHA-256 here. */
export function nameOf(publicArea: Uint8Array): Buffer {
  return join(u16(ALG.SHA256), sha256(publicArea));
}

function parseKey(type: number, reader: Reader): PublicArea['key'] {
  if (type === ALG.RSA) {
    skipSymmetric(reader);
    skipScheme(reader);
    reader.u16(); // bits
    return { kind: 'rsa', exponent: reader.u32() || 65537, modulus: reader.sized() };
  }
  if (type === ALG.ECC) {
    skipSymmetric(reader);
    skipScheme(reader);
    const curve = reader.u16();
    skipScheme(reader); // the key derivation has the same form
    return { kind: 'ecc', curve, x: reader.sized(), y: reader.sized() };
  }
  reader.take(reader.left); // sealed data and symmetric keys: nobody needs what follows
  return null;
}

function skipSymmetric(reader: Reader): void {
  if (reader.u16() !== ALG.NULL) reader.take(4);
}

function skipScheme(reader: Reader): void {
  if (reader.u16() !== ALG.NULL) reader.take(2);
}
