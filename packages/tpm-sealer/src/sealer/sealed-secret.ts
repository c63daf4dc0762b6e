/**
 * Sealing and unsealing one secret under a policy.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import { nvReadPublic } from '../client/commands/nv.ts';
import {
  type CreatedObject,
  createSealed,
  load,
  loadExternal,
  unseal,
  verifySignature,
} from '../client/commands/objects.ts';
import { pcrRead } from '../client/commands/pcr.ts';
import { policyAuthorize, policyAuthValue, policyCounterAtMost, policyPcr } from '../client/commands/policy.ts';
import { MAX_SEALED } from '../client/constants.ts';
import { approvalDigest } from '../client/policy-digest.ts';
import { nameOf, sealedTemplate } from '../client/public-area.ts';
import { type SaltKey, Session } from '../client/session.ts';
import type { Tpm } from '../client/tpm.ts';
import { isSignedBy, type PolicySignature, pcrPolicy } from './policy-signature.ts';
import { type PolicyStep, policyDigest, type SignedStep, sealedAttributes, signerPublic } from './policy-step.ts';

/** What the conditions of a slot ask the caller for. */
export interface PolicyAnswers {
  /** The value that the PIN gives; empty without one. */
  readonly authValue: Uint8Array;
  readonly signatures: readonly PolicySignature[];
}

/**
 * Seals a secret under a storage root key.
 *
 * @throws ERR_TPM_TOO_LARGE, TpmRcError
 */
export async function sealSecret(
  tpm: Tpm,
  root: SaltKey,
  secret: Uint8Array,
  steps: readonly PolicyStep[],
  authValue: Uint8Array,
): Promise<CreatedObject> {
  if (secret.length === 0 || secret.length > MAX_SEALED)
    throw new FieldsealError('ERR_TPM_TOO_LARGE', `the TPM seals 1 to ${MAX_SEALED} bytes, not ${secret.length}`);
  const template = sealedTemplate(sealedAttributes(steps), policyDigest(steps));
  const session = await Session.start(tpm, 'hmac', root);
  try {
    const auth = session.use({ encryptCommand: true, encryptReply: true });
    const created = await createSealed(tpm, root, auth, { secret, authValue, template });
    await tpm.flush(session.handle);
    return created;
  } finally {
    session.wipe();
  }
}

/**
 * Opens what {@link sealSecret} sealed. The secret is the caller's to wipe.
 *
 * @throws TpmRcError, ERR_TPM_SIGNATURE_MISSING, ERR_TPM_SIGNATURE_INVALID, ERR_TPM_COUNTER_MISSING
 */
export async function unsealSecret(
  tpm: Tpm,
  root: SaltKey,
  object: CreatedObject,
  steps: readonly PolicyStep[],
  { authValue, signatures }: PolicyAnswers,
): Promise<Buffer> {
  const loaded = await load(tpm, root, object);
  // Everything that can be known to fail is looked at first: a session in vain costs a slot of the TPM, and perhaps a try.
  const approvals = new Map<SignedStep, Approval>();
  for (const step of steps) if (step.kind === 'signed') approvals.set(step, await approve(tpm, step, signatures));
  const session = await Session.start(tpm, steps.length === 0 ? 'hmac' : 'policy', root);
  try {
    for (const step of steps) await satisfy(tpm, session, step, approvals);
    return await unseal(tpm, loaded, session.use({ authValue, encryptReply: true, keep: false }));
  } finally {
    session.wipe();
  }
}

interface Approval {
  readonly pcrs: readonly number[];
  readonly policy: Buffer;
  readonly ref: Buffer;
  readonly keyName: Buffer;
  readonly ticket: Buffer;
}

/** Finds the signature for the present PCR values, and has the TPM confirm it. */
async function approve(tpm: Tpm, step: SignedStep, signatures: readonly PolicySignature[]): Promise<Approval> {
  const selections = new Map(signatures.map(({ pcrs }) => [pcrs.join(), pcrs]));
  const present = new Map<string, Buffer>();
  for (const [text, pcrs] of selections) present.set(text, pcrPolicy(pcrs, await pcrRead(tpm, pcrs)));
  const candidates = signatures.filter(({ pcrs, policy }) => present.get(pcrs.join())?.toString('hex') === policy);
  if (candidates.length === 0)
    throw new FieldsealError('ERR_TPM_SIGNATURE_MISSING', 'no signature approves the present values of the PCRs');
  const signed = candidates.find((candidate) => isSignedBy(step.key, step.ref, candidate));
  if (signed === undefined)
    throw new FieldsealError(
      'ERR_TPM_SIGNATURE_INVALID',
      'the present PCR values are signed by another key, or for another purpose',
    );
  const [policy, ref] = [Buffer.from(signed.policy, 'hex'), Buffer.from(step.ref)];
  const key = await loadExternal(tpm, signerPublic(step.key));
  const ticket = await verifySignature(
    tpm,
    key,
    approvalDigest(policy, ref),
    Buffer.from(signed.signature, 'base64url'),
  );
  await tpm.flush(key.handle);
  return { pcrs: signed.pcrs, policy, ref, keyName: nameOf(signerPublic(step.key)), ticket };
}

async function satisfy(
  tpm: Tpm,
  session: Session,
  step: PolicyStep,
  approvals: ReadonlyMap<SignedStep, Approval>,
): Promise<void> {
  switch (step.kind) {
    case 'pcr':
      return policyPcr(tpm, session, [...step.values.keys()]);
    case 'signed': {
      const approval = approvals.get(step) as Approval;
      await policyPcr(tpm, session, approval.pcrs);
      return policyAuthorize(tpm, session, approval);
    }
    case 'counter': {
      const index = await nvReadPublic(tpm, step.index);
      if (!step.name.equals(index.name))
        throw new FieldsealError(
          'ERR_TPM_COUNTER_MISSING',
          'another index stands in the place of the counter of the slot',
        );
      return policyCounterAtMost(tpm, session, index, step.ceiling);
    }
    case 'pin':
      return policyAuthValue(tpm, session);
  }
}
