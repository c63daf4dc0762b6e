import { type Entropy, systemEntropy } from './entropy.ts';
import { type DeviceAddress, openTransport } from './open-transport.ts';
import { SerialQueue } from './serial-queue.ts';
import { DEFAULT_TIMEOUT_MS, Tpm, type TpmOptions } from './tpm.ts';
import type { Transport } from './transport.ts';

/** One queue per device of this process: a TPM has room for about three objects, so that operations must not mix. */
const byAddress = new Map<DeviceAddress, SerialQueue>();
const descriptors = new Map<DeviceAddress, Promise<Transport>>();
const byTransport = new WeakMap<Transport, SerialQueue>();

/**
 * A TPM and the right to use it alone. Between operations nothing is held, neither in the TPM nor, except for a
 * descriptor, a connection.
 */
export class TpmDevice {
  /** Names the device in messages. */
  readonly label: string;
  /** Where nonces, keys and secrets of its operations come from. */
  readonly entropy: Entropy;
  readonly #queue: SerialQueue;
  readonly #options: TpmOptions;
  readonly #open: () => Promise<Transport>;
  readonly #keeps: boolean;

  /** @param where - an address, or a transport, which stays open and is the caller's to close */
  constructor(where: DeviceAddress | Transport, options: TpmOptions = {}) {
    this.#options = options;
    this.entropy = options.entropy ?? systemEntropy;
    // Whoever closes a descriptor cannot open it again.
    this.#keeps = typeof where !== 'string' || where.startsWith('fd:');
    if (typeof where === 'string') {
      const open = (): Promise<Transport> => openTransport(where, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      this.label = where;
      this.#open = this.#keeps ? () => descriptor(where, open) : open;
      this.#queue = queueOf(byAddress, where);
    } else {
      this.label = where.label;
      this.#open = async () => where;
      this.#queue = queueOf(byTransport, where);
    }
  }

  /**
   * Runs `work` alone on this device, and flushes in the end whatever it left in the TPM.
   *
   * @throws what `work` throws, or else what opening and flushing throw
   */
  operation<T>(work: (tpm: Tpm) => Promise<T>): Promise<T> {
    return this.#queue.run(async () => {
      const transport = await this.#open();
      try {
        const tpm = new Tpm(transport, this.#options);
        let result: T;
        try {
          result = await work(tpm);
        } catch (error) {
          await tpm.flushAll().catch(() => undefined); // the first problem tells more
          throw error;
        }
        await tpm.flushAll();
        return result;
      } finally {
        if (!this.#keeps) await transport.close();
      }
    });
  }
}

function descriptor(address: DeviceAddress, open: () => Promise<Transport>): Promise<Transport> {
  const known = descriptors.get(address) ?? open();
  descriptors.set(address, known);
  known.catch(() => descriptors.delete(address));
  return known;
}

function queueOf<K>(
  queues: { get(key: K): SerialQueue | undefined; set(key: K, queue: SerialQueue): unknown },
  key: K,
): SerialQueue {
  const known = queues.get(key);
  if (known !== undefined) return known;
  const queue = new SerialQueue();
  queues.set(key, queue);
  return queue;
}
