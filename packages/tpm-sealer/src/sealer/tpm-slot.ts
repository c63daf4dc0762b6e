import { FieldsealError, isFieldsealError, SecretBytes, type SlotOpener } from '@fieldseal/core';
import { TpmDevice } from '../client/device.ts';
import type { DeviceAddress } from '../client/open-transport.ts';
import { checkedPcrs } from '../client/pcr-selection.ts';
import { isRc, RC } from '../client/response-code.ts';
import type { SaltKey } from '../client/session.ts';
import type { Tpm } from '../client/tpm.ts';
import { checkIndex, nextCounterStep, raiseCounter } from './counter.ts';
import { readIdentity } from './identity.ts';
import { readLockout } from './lockout.ts';
import { changedPcrs, measuredPcrs } from './pcr-condition.ts';
import { checkNewPin, MIN_LOG_N, pinAuthValue, SALT_BYTES } from './pin.ts';
import type { PolicySignature, SignatureSource } from './policy-signature.ts';
import { signerKey } from './policy-signature.ts';
import type { CounterStep, PinStep, PolicyStep } from './policy-step.ts';
import { explained } from './problems.ts';
import { type PolicyAnswers, sealSecret, unsealSecret } from './sealed-secret.ts';
import { decodeSlot, encodeSlot, type SealedSlot, TPM_SLOT_TYPE } from './slot-params.ts';
import { knownStorageRoot, newStorageRoot } from './srk.ts';

/** The key that may approve PCR values. */
export interface PolicySigner {
  /** PEM of its public half, on P-256. */
  readonly publicKey: string;
  /** Signed besides; empty by default. */
  readonly ref?: string;
}

/**
 * Options of {@link tpmSlot}. To open a slot, only `device`, `pin` and `signatures` count: everything else stands in the slot. The others say
 * what a new slot asks for; without any of them it opens on this TPM whatever the machine has booted.
 */
export interface TpmSlotOptions {
  /** `auto` by default: the kernel's TPM, and an error without one. */
  readonly device?: DeviceAddress | TpmDevice;
  /** How long one command may take, in ms; 30 seconds by default. Not for a TpmDevice, which has its own. */
  readonly timeoutMs?: number;
  /** Authorisation of the owner hierarchy; by default empty, as on most machines. */
  readonly ownerAuth?: string;
  /** Name of the storage root key to enrol under, in hexadecimal; by default the first that is seen is trusted, and pinned from then on. */
  readonly srkName?: string;
  /** A new slot opens only while these PCRs have their present values. Excludes `signer`. */
  readonly pcrs?: readonly number[];
  /** A new slot opens while the PCRs have values that this key has signed. Needs `signatures`, one for the present values at least. */
  readonly signer?: PolicySigner;
  readonly signatures?: SignatureSource;
  /** Gives the PIN. A new slot asks for it if this is given. */
  readonly pin?: () => Promise<string>;
  /** A new slot stops opening when a later one was sealed: a counter in the TPM at this index, 0x01800000 to 0x01bfffff. */
  readonly counter?: { readonly index: number };
}

/** A TPM as a way to open a keyring. */
export interface TpmSlot extends SlotOpener {
  /**
   * Raises the counter to the ceiling of the slot that was made last, so that older ones stop opening. To be called once the slot is stored; does
   * nothing for a slot without counter.
   */
  commit(): Promise<void>;
  /** Whether another TPM slot of the keyring may still open after this error: it was sealed for another TPM, boot or counter. */
  skips(error: unknown): boolean;
}

const KEY_BYTES = 32;

/** How often an operation starts anew because PCRs were extended in its midst. */
const PCR_TRIES = 5;

/** Errors that say nothing about the other slots of the TPM. */
const SKIPPED = [
  'ERR_TPM_BLOB_INVALID',
  'ERR_TPM_COUNTER_MISSING',
  'ERR_TPM_PCR_MISMATCH',
  'ERR_TPM_PIN_REQUIRED',
  'ERR_TPM_ROLLBACK',
  'ERR_TPM_SIGNATURE_INVALID',
  'ERR_TPM_SIGNATURE_MISSING',
  'ERR_TPM_SRK_MISMATCH',
] as const;

/**
 * Opens keyrings by a key that only this machine's TPM unseals. The TPM is used when a keyring is opened, and not again.
 *
 * It protects stolen disks, backups and images. Whoever is root on the running machine can unseal too.
 *
 * @throws ERR_OPTIONS
 */
export function tpmSlot(options: TpmSlotOptions = {}): TpmSlot {
  const { device = 'auto', timeoutMs, ownerAuth = '', pcrs, signer, counter } = options;
  if (pcrs !== undefined && signer !== undefined)
    throw new FieldsealError('ERR_OPTIONS', 'a TPM slot has either pcrs or a signer: the signature names its PCRs');
  if (pcrs !== undefined) checkedPcrs(pcrs);
  if (counter !== undefined) checkIndex(counter.index);
  const signing = signer === undefined ? undefined : { key: signerKey(signer.publicKey), ref: signer.ref ?? '' };
  const where =
    typeof device === 'string' ? new TpmDevice(device, timeoutMs === undefined ? {} : { timeoutMs }) : device;
  let uncommitted: CounterStep | undefined;

  return {
    type: TPM_SLOT_TYPE,
    create: async () => {
      const pin = await newPin(where, options);
      return operation(where, async (tpm) => {
        const { key: root, parent } = await newStorageRoot(tpm, ownerAuth, options.srkName);
        const steps: PolicyStep[] = [];
        if (pcrs !== undefined) steps.push({ kind: 'pcr', values: new Map(await measuredPcrs(tpm, pcrs)) });
        if (signing !== undefined) steps.push({ kind: 'signed', ...signing });
        uncommitted = counter === undefined ? undefined : await nextCounterStep(tpm, root, counter.index, ownerAuth);
        if (uncommitted !== undefined) steps.push(uncommitted);
        if (pin !== null) steps.push(pin.step);
        const secret = tpm.entropy.bytes(KEY_BYTES);
        try {
          const created = await sealSecret(tpm, root, secret, steps, pin?.authValue ?? new Uint8Array());
          const { vendor, firmware } = await readIdentity(tpm);
          const key = { ...created, emptyAuth: pin === null, parent };
          return encodeSlot({ key, srkName: Buffer.from(root.name), steps, vendor, firmware });
        } finally {
          secret.fill(0);
          pin?.authValue.fill(0);
        }
      });
    },
    slotKey: async (params) => {
      const slot = decodeSlot(params);
      const answers = await answersFor(slot.steps, options);
      try {
        return await operation(where, async (tpm) => unsealSlot(tpm, slot, answers, ownerAuth), slot);
      } finally {
        answers.authValue.fill(0);
      }
    },
    commit: async () => {
      const step = uncommitted;
      if (step === undefined) return;
      await operation(where, (tpm) => raiseCounter(tpm, step));
      uncommitted = undefined;
    },
    skips: (error) => SKIPPED.some((code) => isFieldsealError(error, code)),
  };
}

async function unsealSlot(tpm: Tpm, slot: SealedSlot, answers: PolicyAnswers, ownerAuth: string): Promise<SecretBytes> {
  for (let tries = 1; ; tries++) {
    let root: SaltKey | undefined;
    try {
      root = await knownStorageRoot(tpm, ownerAuth, slot.srkName);
      const secret = await unsealSecret(tpm, root, slot.key, slot.steps, answers);
      if (secret.length === KEY_BYTES) return SecretBytes.take(secret);
      secret.fill(0);
      throw new FieldsealError('ERR_TPM_BLOB_INVALID', `a TPM slot of the keyring holds no key of ${KEY_BYTES} bytes`);
    } catch (error) {
      if (!isRc(error, RC.PCR_CHANGED) || tries === PCR_TRIES) throw error;
      await tpm.flushAll();
    }
  }
}

/** An operation whose errors are told in the words of the sealer, with what the TPM can add. */
async function operation<T>(device: TpmDevice, work: (tpm: Tpm) => Promise<T>, slot?: SealedSlot): Promise<T> {
  return device.operation(async (tpm) => {
    try {
      return await work(tpm);
    } catch (error) {
      const problem = explained(error);
      throw isFieldsealError(problem) ? await detailed(tpm, problem, slot) : problem;
    }
  });
}

/** Adds what helps: the PCRs that differ, the tries that are left, the seconds to wait. Only reads, and never fails itself. */
async function detailed(tpm: Tpm, problem: FieldsealError, slot: SealedSlot | undefined): Promise<FieldsealError> {
  const more = (message: string): FieldsealError =>
    new FieldsealError(problem.code, `${problem.summary}: ${message}`, { hint: problem.hint, cause: problem.cause });
  try {
    if (problem.code === 'ERR_TPM_PCR_MISMATCH' && slot !== undefined) {
      const changed = await changedPcrs(tpm, slot.steps);
      if (changed.length > 0) return more(`PCR ${changed.join(', ')}`);
    }
    if (problem.code === 'ERR_TPM_PIN_WRONG') {
      const { counter, max } = await readLockout(tpm);
      return more(`${Math.max(0, max - counter)} tries are left before the TPM locks itself`);
    }
    if (problem.code === 'ERR_TPM_LOCKOUT') {
      const { counter, max, intervalS } = await readLockout(tpm);
      return more(`it allows one more in ${Math.max(1, counter - max + 1) * intervalS} s at the latest`);
    }
  } catch {
    // The first problem is the one to tell.
  }
  return problem;
}

async function newPin(
  device: TpmDevice,
  { pin }: TpmSlotOptions,
): Promise<{ step: PinStep; authValue: Buffer } | null> {
  if (pin === undefined) return null;
  const text = await pin();
  checkNewPin(text);
  const step: PinStep = { kind: 'pin', salt: device.entropy.bytes(SALT_BYTES), logN: MIN_LOG_N };
  return { step, authValue: await pinAuthValue(text, step.salt, step.logN) };
}

/** What has to be asked for is asked for before the TPM is held. */
async function answersFor(steps: readonly PolicyStep[], options: TpmSlotOptions): Promise<PolicyAnswers> {
  let authValue: Uint8Array = new Uint8Array();
  let signatures: readonly PolicySignature[] = [];
  for (const step of steps) {
    if (step.kind === 'signed') signatures = await signaturesOf(options.signatures);
    if (step.kind !== 'pin') continue;
    const text = (await options.pin?.()) ?? '';
    if (text === '') throw new FieldsealError('ERR_TPM_PIN_REQUIRED', 'the TPM slot of the keyring asks for a PIN');
    authValue = await pinAuthValue(text, step.salt, step.logN);
  }
  return { authValue, signatures };
}

async function signaturesOf(source: SignatureSource | undefined): Promise<readonly PolicySignature[]> {
  const signatures = typeof source === 'function' ? await source() : source;
  if (signatures !== undefined) return signatures;
  throw new FieldsealError(
    'ERR_TPM_SIGNATURE_MISSING',
    'the TPM slot of the keyring needs a signature of the PCR values',
  );
}
