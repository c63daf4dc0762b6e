import { decryptError, FieldsealError } from '../errors.ts';
import type { KekEvent } from '../events.ts';
import { KEY_BYTES } from '../kdf.ts';
import { SecretBytes } from '../secret-bytes.ts';
import { bindPayload, openPayload, PAYLOAD_BYTES } from './bound-payload.ts';
import { type CallPolicy, completePolicy } from './call-policy.ts';
import { type KekFault, KekFaultError } from './kek-fault.ts';
import type { KeyWrapper, WrapContext, WrapOptions } from './key-wrapper.ts';
import { callRemote } from './remote-call.ts';
import { dekAad } from './wrapped-key.ts';

/** What the AAD of a request is made of, and when to give it up. */
export interface ServiceRequest {
  /** The context as bytes (spec/format.md §5). */
  readonly aad: Uint8Array;
  readonly context: WrapContext;
  readonly signal: AbortSignal;
}

/** What differs between key services. */
export interface KeyService {
  /** Name of the service, for errors. */
  readonly name: string;
  /** Whether the service itself authenticates the context. Where it does not, or may not, the context is bound inside the plaintext. */
  readonly bindsContext: boolean;
  /** Encrypts; throws an error of the service. The plaintext is wiped afterwards. */
  encrypt(plaintext: SecretBytes, request: ServiceRequest): Promise<Uint8Array>;
  /** Decrypts; throws an error of the service, or ERR_DECRYPT for bytes that cannot be its ciphertext. */
  decrypt(wrapped: Uint8Array, request: ServiceRequest): Promise<SecretBytes>;
  /** What an error of the service means. */
  fault(error: unknown, operation: KekEvent['operation']): KekFault;
}

/** Longest ciphertext of a key in bytes. The services add some hundred at most. */
const MAX_WRAPPED_BYTES = 4096;

/** A KEK in a key service: what all of them have to do, around what each does in its own way. */
export function remoteKek(id: string, service: KeyService, options: CallPolicy): KeyWrapper {
  const policy = completePolicy(options);
  if (id === '') throw new FieldsealError('ERR_OPTIONS', 'a KEK needs an id');

  /** The AAD is made before anything is sent: it refuses texts that services would read as other texts. */
  const call = (operation: KekEvent['operation'], context: WrapContext, { signal }: WrapOptions) => {
    signal?.throwIfAborted();
    const aad = dekAad(id, context);
    return {
      aad,
      rest: {
        operation,
        kekId: id,
        service: service.name,
        keyId: context.keyId,
        policy,
        signal,
        fault: (error: unknown) => service.fault(error, operation),
      },
    };
  };

  return {
    id,
    async wrap(key, context, wrapOptions = {}) {
      if (key.length !== KEY_BYTES) throw new FieldsealError('ERR_KEY_INVALID', `a key has ${KEY_BYTES} bytes`);
      const { aad, rest } = call('wrap', context, wrapOptions);
      return callRemote<Uint8Array>({
        ...rest,
        attempt: async (signal) => {
          const plaintext = service.bindsContext ? SecretBytes.copy(key.expose()) : bindPayload(key, aad);
          try {
            const wrapped = await service.encrypt(plaintext, { aad, context, signal });
            if (wrapped.length === 0 || wrapped.length > MAX_WRAPPED_BYTES) throw new KekFaultError('response');
            return wrapped;
          } finally {
            plaintext.wipe();
          }
        },
        discard: () => undefined,
      });
    },
    async unwrap(wrapped, context, wrapOptions = {}) {
      const { aad, rest } = call('unwrap', context, wrapOptions);
      if (wrapped.length === 0 || wrapped.length > MAX_WRAPPED_BYTES) throw decryptError({ keyId: context.keyId });
      return callRemote<SecretBytes>({
        ...rest,
        attempt: async (signal) => {
          const plaintext = await service.decrypt(wrapped, { aad, context, signal });
          if (plaintext.length === (service.bindsContext ? KEY_BYTES : PAYLOAD_BYTES))
            return service.bindsContext ? plaintext : openPayload(plaintext, aad, context.keyId);
          // It decrypted, so the service knows it, but it is not what Fieldseal wraps.
          plaintext.wipe();
          throw decryptError({ keyId: context.keyId });
        },
        discard: (late) => late.wipe(),
      });
    },
  };
}
