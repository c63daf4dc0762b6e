import { createHash } from 'node:crypto';
import {
  createKeyring,
  type KeyringStorage,
  keyringMemory,
  recoveryKey,
  type SecretBytes,
  type SlotOpener,
} from '@fieldseal/core';
import { type SwtpmService, startSwtpm } from '@fieldseal/testkit';
import { afterEach } from 'vitest';
import { type Entropy, SocketTransport, type Tpm, TpmDevice, type Transport } from '../src/client.ts';

/** A TPM of one test, and the device over it. */
export interface TestTpm {
  readonly device: TpmDevice;
  readonly transport: Transport;
  readonly service: SwtpmService;
  /** Shuts it down and starts it again: the same TPM, its PCRs reset. */
  reboot(): Promise<TestTpm>;
  /** Ends it without a shutdown and starts it again. */
  powerCut(): Promise<TestTpm>;
}

const started: SwtpmService[] = [];
afterEach(async () => {
  for (const service of started.splice(0)) await service.stop();
});

/** Starts a TPM that ends with the test. */
export async function startTpm(
  options: {
    readonly state?: string;
    readonly entropy?: Entropy;
    readonly wrap?: (transport: Transport) => Transport;
  } = {},
): Promise<TestTpm> {
  const service = await startSwtpm(options.state === undefined ? {} : { state: options.state });
  started.push(service);
  const socket = new SocketTransport(service.socket as NonNullable<SwtpmService['socket']>, 'swtpm');
  const transport = options.wrap?.(socket) ?? socket;
  const device = new TpmDevice(transport, options.entropy === undefined ? {} : { entropy: options.entropy });
  const again = () => startTpm({ ...options, state: service.state });
  return {
    device,
    transport,
    service,
    reboot: async () => {
      await service.stop(true);
      return again();
    },
    powerCut: async () => {
      await service.powerCut();
      return again();
    },
  };
}

/** Bytes that look random and are the same in every run. */
export function repeatableEntropy(seed: string): Entropy {
  let count = 0;
  return {
    bytes: (length) => {
      const blocks = Array.from({ length: Math.ceil(length / 32) }, () =>
        createHash('sha256').update(`${seed} ${count++}`).digest(),
      );
      return Buffer.concat(blocks).subarray(0, length);
    },
  };
}

/** Runs commands that no test needs twice. */
export function operate<T>({ device }: TestTpm, work: (tpm: Tpm) => Promise<T>): Promise<T> {
  return device.operation(work);
}

/** A keyring in memory with a recovery key and one more opener. */
export async function newKeyring(opener: SlotOpener): Promise<{
  readonly storage: KeyringStorage;
  readonly keyring: Awaited<ReturnType<typeof createKeyring>>['keyring'];
  readonly recovery: SlotOpener;
}> {
  const storage = keyringMemory();
  const created = await createKeyring({ storage, openers: [opener] });
  return { storage, keyring: created.keyring, recovery: recoveryKey(created.recovery) };
}

/** The code of what a promise rejects with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing was thrown',
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  );
}

/** A secret as hexadecimal; it is wiped. */
export function taken(secret: SecretBytes): string {
  const text = Buffer.from(secret.expose()).toString('hex');
  secret.wipe();
  return text;
}
