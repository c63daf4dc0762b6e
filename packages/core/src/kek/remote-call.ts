import { setTimeout as sleep } from 'node:timers/promises';
import { isFieldsealError } from '../errors.ts';
import { type KekEvent, observed, publish } from '../events.ts';
import { type CompletePolicy, jitter } from './call-policy.ts';
import { faultCode, faultError, isTransient, type KekFault, KekFaultError } from './kek-fault.ts';

/** One request to a key service. */
export interface RemoteCall<T> {
  readonly operation: KekEvent['operation'];
  readonly kekId: string;
  /** Name of the service, which begins the sentence of an error. */
  readonly service: string;
  /** Id of the key that is wrapped. */
  readonly keyId: string;
  readonly policy: CompletePolicy;
  readonly signal: AbortSignal | undefined;
  /** Sends the request once. Its signal is aborted when nobody waits for the answer any more. */
  attempt(signal: AbortSignal): Promise<T>;
  /** What an error of `attempt` means. A FieldsealError is final, and is not asked about. */
  fault(error: unknown): KekFault;
  /** Wipes an answer that came when nobody waited for it any more. */
  discard(late: T): void;
}

/**
 * Asks a key service: each attempt has its time, failures that may pass are tried again after a random wait, and the whole has a deadline.
 *
 * @throws ERR_KEK_… or ERR_DECRYPT, or the reason of the signal when it is aborted
 */
export async function callRemote<T>(call: RemoteCall<T>): Promise<T> {
  const { policy, signal } = call;
  const started = performance.now();
  const left = () => policy.deadlineMs - (performance.now() - started);
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const report = (outcome: KekEvent['outcome'], code?: string) =>
      announce(call, { outcome, code, attempt, ms: performance.now() - started });
    try {
      const answer = await timed(call, Math.max(1, Math.min(policy.timeoutMs, left())));
      report('ok');
      return answer;
    } catch (error) {
      signal?.throwIfAborted();
      if (isFieldsealError(error)) {
        report('failed', error.code);
        throw error;
      }
      const fault = error instanceof KekFaultError ? error.fault : call.fault(error);
      const wait = Math.max(jitter(policy, attempt), fault.retryAfterMs ?? 0);
      if (!isTransient(fault) || attempt >= policy.attempts || wait >= left()) {
        report('failed', faultCode(fault));
        throw faultError(call.service, fault, call.keyId);
      }
      report('retry', faultCode(fault));
      await sleep(wait, undefined, { ...(signal !== undefined && { signal }) }).catch(() => undefined);
    }
  }
}

/** One attempt, given up after `ms` or when the caller gives up, even if the client ignores its signal. */
async function timed<T>({ attempt, discard, signal }: RemoteCall<T>, ms: number): Promise<T> {
  const controller = new AbortController();
  const giveUp = () => controller.abort(new KekFaultError('timeout'));
  // Not AbortSignal.timeout: its timer would let the process end while it waits for a client that holds nothing open.
  const timer = setTimeout(giveUp, ms);
  signal?.addEventListener('abort', giveUp, { once: true });
  const givenUp = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
  });
  // A client may throw before it returns a promise.
  const work = (async () => attempt(controller.signal))();
  work.then(
    (late) => {
      if (controller.signal.aborted) discard(late);
    },
    () => undefined,
  );
  try {
    return await Promise.race([work, givenUp]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

function announce(
  { operation, kekId }: Pick<RemoteCall<unknown>, 'operation' | 'kekId'>,
  rest: Pick<KekEvent, 'outcome' | 'code' | 'attempt' | 'ms'>,
): void {
  if (observed('fieldseal:kek')) publish('fieldseal:kek', { operation, kekId, ...rest });
}
