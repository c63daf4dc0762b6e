/**
 * The conditions under which a TPM opens a slot, in the order in which a session runs through them.
 *
 * @module
 */
import { createPublicKey } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';
import { OWNER_INDEXES } from '../client/commands/nv.ts';
import { OBJECT, PCR_COUNT } from '../client/constants.ts';
import { afterAuthorize, afterAuthValue, afterCounterAtMost, afterPcr, EMPTY_POLICY } from '../client/policy-digest.ts';
import { nameOf, verifierPublic } from '../client/public-area.ts';
import { MAX_LOG_N, MIN_LOG_N, SALT_BYTES } from './pin.ts';

/** The PCRs have these values. */
export interface PcrStep {
  readonly kind: 'pcr';
  readonly values: ReadonlyMap<number, Buffer>;
}

/** The PCRs have values that the holder of this key has signed. */
export interface SignedStep {
  readonly kind: 'signed';
  /** SPKI in DER of a P-256 key. */
  readonly key: Buffer;
  /** Signed besides, so that a signature for one purpose is of no use for another. */
  readonly ref: string;
}

/** A counter in the TPM is not above this value. */
export interface CounterStep {
  readonly kind: 'counter';
  readonly index: number;
  readonly name: Buffer;
  readonly ceiling: bigint;
}

/** Somebody gives the PIN. */
export interface PinStep {
  readonly kind: 'pin';
  readonly salt: Buffer;
  readonly logN: number;
}

/** One condition. */
export type PolicyStep = PcrStep | SignedStep | CounterStep | PinStep;

/** Digest of a policy; empty without a step, since a TPM compares the policy only where there is one. */
export function policyDigest(steps: readonly PolicyStep[]): Buffer {
  if (steps.length === 0) return Buffer.alloc(0);
  return Buffer.from(steps.reduce<Uint8Array>(after, EMPTY_POLICY));
}

/**
 * Attributes of an object sealed under these conditions. With conditions its authorisation value alone does not open it, and only a PIN is
 * guarded against guessing: the lockout of the TPM would else shut a machine out that makes no guess.
 */
export function sealedAttributes(steps: readonly PolicyStep[]): number {
  const base = OBJECT.FIXED_TPM | OBJECT.FIXED_PARENT;
  if (steps.some(({ kind }) => kind === 'pin')) return base;
  return base | OBJECT.NO_DA | (steps.length === 0 ? OBJECT.USER_WITH_AUTH : 0);
}

/** Public area of the key that signs policies, as the TPM sees it. Throws ERR_OPTIONS unless it is on P-256. */
export function signerPublic(key: Buffer): Buffer {
  const jwk = publicKey(key)?.export({ format: 'jwk' });
  if (jwk?.kty !== 'EC' || jwk.crv !== 'P-256' || jwk.x === undefined || jwk.y === undefined)
    throw new FieldsealError('ERR_OPTIONS', 'the key that signs PCR policies is a public key on P-256');
  return verifierPublic(Buffer.from(jwk.x, 'base64url'), Buffer.from(jwk.y, 'base64url'));
}

function after(digest: Uint8Array, step: PolicyStep): Uint8Array {
  switch (step.kind) {
    case 'pcr':
      return afterPcr(digest, [...step.values.keys()], [...step.values.values()]);
    case 'signed':
      return afterAuthorize(nameOf(signerPublic(step.key)), Buffer.from(step.ref));
    case 'counter':
      return afterCounterAtMost(digest, step.name, step.ceiling);
    case 'pin':
      return afterAuthValue(digest);
  }
}

/** The conditions as text, for the parameters of a slot. */
export function encodeSteps(steps: readonly PolicyStep[]): string {
  return JSON.stringify(steps.map(encodeStep));
}

function encodeStep(step: PolicyStep): object {
  switch (step.kind) {
    case 'pcr': {
      const values = [...step.values].map(([pcr, value]) => [String(pcr), value.toString('hex')]);
      return { pcr: { bank: 'sha256', values: Object.fromEntries(values) } };
    }
    case 'signed':
      return { signed: { key: step.key.toString('base64url'), ref: step.ref } };
    case 'counter': {
      const { index, name, ceiling } = step;
      return { nv: { index, name: name.toString('hex'), op: 'le', value: String(ceiling) } };
    }
    case 'pin':
      return { authValue: { kdf: 'scrypt', salt: step.salt.toString('base64url'), logN: step.logN } };
  }
}

/**
 * Reads conditions. The text comes from a keyring that is not authenticated yet, so that every bound is checked.
 *
 * @throws ERR_TPM_BLOB_INVALID
 */
export function decodeSteps(text: string): PolicyStep[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalid();
  }
  if (!Array.isArray(json)) throw invalid();
  const steps = json.map(decodeStep);
  const order = steps.map(({ kind }) => ORDER.indexOf(kind));
  if (order.some((rank, at) => at > 0 && rank <= (order[at - 1] as number))) throw invalid();
  return steps;
}

const ORDER: readonly PolicyStep['kind'][] = ['pcr', 'signed', 'counter', 'pin'];

function decodeStep(json: unknown): PolicyStep {
  const { pcr, signed, nv, authValue } = members(json);
  if (pcr !== undefined) return { kind: 'pcr', values: decodeValues(members(pcr)) };
  if (signed !== undefined) {
    const { key, ref } = members(signed);
    if (typeof key !== 'string' || typeof ref !== 'string') throw invalid();
    const spki = Buffer.from(key, 'base64url');
    if (publicKey(spki)?.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw invalid();
    return { kind: 'signed', key: spki, ref };
  }
  if (nv !== undefined) {
    const { index, name, op, value } = members(nv);
    const inRange = typeof index === 'number' && index >= OWNER_INDEXES.first && index <= OWNER_INDEXES.last;
    const sound = op === 'le' && typeof value === 'string' && /^\d{1,19}$/.test(value);
    if (!inRange || !Number.isInteger(index) || !sound) throw invalid();
    return { kind: 'counter', index, name: hex(name, 34), ceiling: BigInt(value) };
  }
  const { kdf, salt, logN } = members(authValue);
  const bytes = Buffer.from(typeof salt === 'string' ? salt : '', 'base64url');
  const cost = typeof logN === 'number' && Number.isInteger(logN) && logN >= MIN_LOG_N && logN <= MAX_LOG_N;
  if (kdf !== 'scrypt' || !cost || bytes.length !== SALT_BYTES) throw invalid();
  return { kind: 'pin', salt: bytes, logN };
}

function decodeValues({ bank, values }: Record<string, unknown>): Map<number, Buffer> {
  const entries = Object.entries(members(values)).map(([pcr, value]) => [Number(pcr), hex(value, 32)] as const);
  const sound = entries.every(([pcr]) => Number.isInteger(pcr) && pcr >= 0 && pcr < PCR_COUNT);
  if (bank !== 'sha256' || entries.length === 0 || !sound) throw invalid();
  return new Map(entries.sort(([a], [b]) => a - b));
}

function publicKey(spki: Buffer): ReturnType<typeof createPublicKey> | null {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

function hex(value: unknown, bytes: number): Buffer {
  const sound = typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]+$/.test(value);
  if (!sound) throw invalid();
  return Buffer.from(value, 'hex');
}

function members(json: unknown): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid();
  return json as Record<string, unknown>;
}

function invalid(): FieldsealError {
  return new FieldsealError('ERR_TPM_BLOB_INVALID', 'the policy of a TPM slot is damaged');
}
