/**
 * Policy commands. Each changes the digest of a policy session as policy-digest.ts computes it.
 *
 * @module
 */
import { emptyPassword } from '../authorization.ts';
import { join, sized, u16, u64 } from '../bytes.ts';
import { pcrSelection } from '../pcr-selection.ts';
import { POLICY_LE } from '../policy-digest.ts';
import { namedByHandle, type Session } from '../session.ts';
import type { Tpm, TpmObject } from '../tpm.ts';

/** TPM2_PolicyPCR with the values that the PCRs have now. */
export async function policyPcr(tpm: Tpm, session: Session, pcrs: readonly number[]): Promise<void> {
  const params = join(sized(Buffer.alloc(0)), pcrSelection(pcrs));
  (await tpm.run({ command: 'PolicyPCR', handles: [namedByHandle(session.handle)], params })).params.end();
}

/** TPM2_PolicyAuthorize: what was approved stands in the place of what the session has, if the two are equal. */
export async function policyAuthorize(
  tpm: Tpm,
  session: Session,
  approval: {
    readonly policy: Uint8Array;
    readonly ref: Uint8Array;
    readonly keyName: Uint8Array;
    readonly ticket: Uint8Array;
  },
): Promise<void> {
  const { policy, ref, keyName, ticket } = approval;
  const params = join(sized(policy), sized(ref), sized(keyName), ticket);
  (await tpm.run({ command: 'PolicyAuthorize', handles: [namedByHandle(session.handle)], params })).params.end();
}

/** TPM2_PolicyAuthValue: the object's authorisation value has to be proved besides. */
export async function policyAuthValue(tpm: Tpm, session: Session): Promise<void> {
  (await tpm.run({ command: 'PolicyAuthValue', handles: [namedByHandle(session.handle)] })).params.end();
  session.provesAuthValue = true;
}

/** TPM2_PolicyNV: the counter is at most `ceiling`. TpmRcError with POLICY when it is above. */
export async function policyCounterAtMost(
  tpm: Tpm,
  session: Session,
  counter: TpmObject,
  ceiling: bigint,
): Promise<void> {
  const params = join(sized(u64(ceiling)), u16(0), u16(POLICY_LE));
  const handles = [counter, counter, namedByHandle(session.handle)];
  (await tpm.run({ command: 'PolicyNV', handles, auth: emptyPassword, params })).params.end();
}

/** TPM2_PolicyGetDigest: the digest that the session has. */
export async function policyGetDigest(tpm: Tpm, session: Session): Promise<Buffer> {
  const { params } = await tpm.run({ command: 'PolicyGetDigest', handles: [namedByHandle(session.handle)] });
  const digest = Buffer.from(params.sized());
  params.end();
  return digest;
}
