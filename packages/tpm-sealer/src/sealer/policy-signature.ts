import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';
import type { PcrValues } from '../client/commands/pcr.ts';
import { checkedPcrs } from '../client/pcr-selection.ts';
import { afterPcr, EMPTY_POLICY } from '../client/policy-digest.ts';

/** An approval of one set of PCR values. It is public. */
export interface PolicySignature {
  readonly pcrs: readonly number[];
  /** Digest of the policy for these values, in hexadecimal. */
  readonly policy: string;
  /** ECDSA with SHA-256 on P-256 over the policy and the reference: r and s, base64url. */
  readonly signature: string;
}

/** Signatures that are there already, or a way to get them: from a file, a URL, a volume. */
export type SignatureSource = readonly PolicySignature[] | (() => Promise<readonly PolicySignature[]>);

const SIGNATURE_BYTES = 64;
const MOST_SIGNATURES = 256;

/**
 * Approves PCR values, on the machine that keeps the signing key: it needs no TPM.
 *
 * @param privateKey - PEM of a key on P-256
 * @param ref - as given when the slot is enrolled; empty by default
 * @throws ERR_OPTIONS for another key
 */
export function signPcrValues(privateKey: string, values: PcrValues, ref = ''): PolicySignature {
  const key = readKey(() => createPrivateKey(privateKey));
  const pcrs = checkedPcrs([...values.keys()]);
  const policy = pcrPolicy(pcrs, values);
  const signature = sign('sha256', Buffer.concat([policy, Buffer.from(ref)]), { key, dsaEncoding: 'ieee-p1363' });
  return { pcrs, policy: policy.toString('hex'), signature: signature.toString('base64url') };
}

/** Whether a signature is one of this key (SPKI in DER). */
export function isSignedBy(key: Buffer, ref: string, { policy, signature }: PolicySignature): boolean {
  const data = Buffer.concat([Buffer.from(policy, 'hex'), Buffer.from(ref)]);
  const verifier = createPublicKey({ key, format: 'der', type: 'spki' });
  return verify('sha256', data, { key: verifier, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
}

/** Public half of a signing key, from the PEM of either half, as SPKI in DER. Throws ERR_OPTIONS. */
export function signerKey(pem: string): Buffer {
  return readKey(() => createPublicKey(pem)).export({ format: 'der', type: 'spki' });
}

/** Digest of the policy for PCR values. */
export function pcrPolicy(pcrs: readonly number[], values: PcrValues): Buffer {
  return afterPcr(
    EMPTY_POLICY,
    pcrs,
    pcrs.map((pcr) => values.get(pcr) ?? Buffer.alloc(0)),
  );
}

/** Signatures as the text of a file. */
export function formatSignatures(signatures: readonly PolicySignature[]): string {
  return `${JSON.stringify({ format: 'fieldseal-tpm-signatures/1', signatures }, null, 2)}\n`;
}

/**
 * Reads {@link formatSignatures}.
 *
 * @throws ERR_TPM_SIGNATURE_INVALID when the text is not that
 */
export function parseSignatures(text: string): readonly PolicySignature[] {
  let json: { format?: unknown; signatures?: unknown } | null;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged();
  }
  const list = json?.format === 'fieldseal-tpm-signatures/1' ? json.signatures : undefined;
  if (!Array.isArray(list) || list.length > MOST_SIGNATURES) throw damaged();
  return list.map(parseSignature);
}

function parseSignature(json: Partial<PolicySignature> | null): PolicySignature {
  const { pcrs, policy, signature } = json ?? {};
  const bytes = Buffer.from(typeof signature === 'string' ? signature : '', 'base64url');
  const sound = typeof policy === 'string' && /^[0-9a-f]{64}$/.test(policy) && bytes.length === SIGNATURE_BYTES;
  if (!sound || !Array.isArray(pcrs) || pcrs.some((pcr) => typeof pcr !== 'number')) throw damaged();
  try {
    return { pcrs: checkedPcrs(pcrs), policy, signature: bytes.toString('base64url') };
  } catch {
    throw damaged();
  }
}

function readKey(read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    // OpenSSL's message may quote the file.
    throw new FieldsealError('ERR_OPTIONS', 'the key that signs PCR policies is not a readable PEM');
  }
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  throw new FieldsealError('ERR_OPTIONS', 'the key that signs PCR policies is on P-256');
}

function damaged(): FieldsealError {
  return new FieldsealError('ERR_TPM_SIGNATURE_INVALID', 'the signatures of PCR policies are damaged');
}
