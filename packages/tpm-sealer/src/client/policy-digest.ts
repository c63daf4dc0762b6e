/**
 * Digests of policies, computed as a policy session computes them. A TPM is not needed to make a policy.
 *
 * @module
 */
import { join, u16, u32, u64 } from './bytes.ts';
import { COMMANDS } from './constants.ts';
import { sha256 } from './kdf.ts';
import { pcrSelection } from './pcr-selection.ts';

/** Digest of a policy without any step. */
export const EMPTY_POLICY: Uint8Array = new Uint8Array(32);

/** TPM_EO_UNSIGNED_LE: the index is at most the operand. */
export const POLICY_LE = 0x0009;

/** After TPM2_PolicyPCR; the values in ascending order of their PCRs. */
export function afterPcr(before: Uint8Array, pcrs: readonly number[], values: readonly Uint8Array[]): Buffer {
  return sha256(before, u32(COMMANDS.PolicyPCR), pcrSelection(pcrs), sha256(...values));
}

/** After TPM2_PolicyAuthorize, whatever stood before. */
export function afterAuthorize(keyName: Uint8Array, ref: Uint8Array): Buffer {
  return sha256(sha256(EMPTY_POLICY, u32(COMMANDS.PolicyAuthorize), keyName), ref);
}

/** After TPM2_PolicyAuthValue. */
export function afterAuthValue(before: Uint8Array): Buffer {
  return sha256(before, u32(COMMANDS.PolicyAuthValue));
}

/** After TPM2_PolicyNV with "at most". */
export function afterCounterAtMost(before: Uint8Array, indexName: Uint8Array, ceiling: bigint): Buffer {
  const args = sha256(join(u64(ceiling), u16(0), u16(POLICY_LE)));
  return sha256(before, u32(COMMANDS.PolicyNV), args, indexName);
}

/** What a signer signs to approve a policy. */
export function approvalDigest(policy: Uint8Array, ref: Uint8Array): Buffer {
  return sha256(policy, ref);
}
