import { FieldsealError } from '../errors.ts';
import type { KekEvent } from '../events.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { CallPolicy } from './call-policy.ts';
import { crc32c } from './crc32c.ts';
import { type FaultKind, type KekFault, KekFaultError, networkFault } from './kek-fault.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import { remoteKek } from './remote-kek.ts';

/** A checksum as google.protobuf.Int64Value: a number, a decimal text or a Long. */
interface Int64Value {
  readonly value?: number | string | { toString(): string } | null;
}

/** What is needed of a client of Cloud KMS: `KeyManagementServiceClient` of @google-cloud/kms has it. */
export interface GcpKmsClient {
  encrypt(
    request: {
      readonly name: string;
      readonly plaintext: Uint8Array;
      readonly plaintextCrc32c: { readonly value: number };
      readonly additionalAuthenticatedData: Uint8Array;
      readonly additionalAuthenticatedDataCrc32c: { readonly value: number };
    },
    options: { readonly timeout: number },
  ): Promise<
    readonly [
      {
        readonly name?: string | null;
        readonly ciphertext?: Uint8Array | string | null;
        readonly ciphertextCrc32c?: Int64Value | null;
        readonly verifiedPlaintextCrc32c?: boolean | null;
        readonly verifiedAdditionalAuthenticatedDataCrc32c?: boolean | null;
      },
      ...unknown[],
    ]
  >;
  decrypt(
    request: {
      readonly name: string;
      readonly ciphertext: Uint8Array;
      readonly ciphertextCrc32c: { readonly value: number };
      readonly additionalAuthenticatedData: Uint8Array;
      readonly additionalAuthenticatedDataCrc32c: { readonly value: number };
    },
    options: { readonly timeout: number },
  ): Promise<
    readonly [
      { readonly plaintext?: Uint8Array | string | null; readonly plaintextCrc32c?: Int64Value | null },
      ...unknown[],
    ]
  >;
}

/** Options of {@link gcpKmsKek}. */
export interface GcpKmsOptions extends CallPolicy {
  readonly client: GcpKmsClient;
  /** Resource name of the key, without a version: `projects/…/locations/…/keyRings/…/cryptoKeys/…`. */
  readonly name: string;
  /** Id of the KEK; `gcp-kms:` and the resource name by default. */
  readonly id?: string;
}

const RESOURCE = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/;

/** Status codes of gRPC (google.rpc.Code). */
const STATUSES: Readonly<Record<number, FaultKind>> = {
  3: 'refused', // INVALID_ARGUMENT; of Decrypt it is also a ciphertext or context that does not fit
  4: 'timeout', // DEADLINE_EXCEEDED
  5: 'notFound', // NOT_FOUND
  7: 'denied', // PERMISSION_DENIED
  8: 'throttled', // RESOURCE_EXHAUSTED
  9: 'disabled', // FAILED_PRECONDITION: the version is disabled, destroyed or being imported
  10: 'unavailable', // ABORTED
  13: 'unavailable', // INTERNAL
  14: 'unavailable', // UNAVAILABLE
  16: 'denied', // UNAUTHENTICATED
};

/**
 * A KEK in Google Cloud KMS. The context is the additional authenticated data; both directions are checked by CRC-32C, as Google asks.
 *
 * @throws ERR_OPTIONS for a name that is not that of a key
 */
export function gcpKmsKek({ client, name, id = `gcp-kms:${name}`, ...policy }: GcpKmsOptions): KeyWrapper {
  if (!RESOURCE.test(name))
    throw new FieldsealError('ERR_OPTIONS', 'the name of the key is not projects/…/cryptoKeys/…');
  const options = { timeout: policy.timeoutMs ?? 2000 };
  const authenticated = (aad: Uint8Array) => ({
    additionalAuthenticatedData: aad,
    additionalAuthenticatedDataCrc32c: { value: crc32c(aad) },
  });
  return remoteKek(
    id,
    {
      name: 'Google Cloud KMS',
      bindsContext: true,
      async encrypt(secret, { aad }) {
        const plaintext = secret.expose();
        const request = { name, plaintext, plaintextCrc32c: { value: crc32c(plaintext) }, ...authenticated(aad) };
        const [answer] = await client.encrypt(request, options);
        const { ciphertext } = answer;
        if (!(ciphertext instanceof Uint8Array)) throw new KekFaultError('response');
        // Unverified means that the sums were lost on the way: then nobody has compared what was encrypted with what was sent.
        const verified =
          answer.verifiedPlaintextCrc32c === true && answer.verifiedAdditionalAuthenticatedDataCrc32c === true;
        if (!verified || !matches(ciphertext, answer.ciphertextCrc32c)) throw new KekFaultError('corrupted', 'crc32c');
        return Uint8Array.from(ciphertext);
      },
      async decrypt(ciphertext, { aad }) {
        const request = { name, ciphertext, ciphertextCrc32c: { value: crc32c(ciphertext) }, ...authenticated(aad) };
        const [{ plaintext, plaintextCrc32c }] = await client.decrypt(request, options);
        if (!(plaintext instanceof Uint8Array)) throw new KekFaultError('response');
        const secret = SecretBytes.take(plaintext);
        if (matches(secret.expose(), plaintextCrc32c)) return secret;
        secret.wipe();
        throw new KekFaultError('corrupted', 'crc32c');
      },
      fault,
    },
    policy,
  );
}

function matches(bytes: Uint8Array, sum: Int64Value | null | undefined): boolean {
  return sum?.value != null && String(sum.value) === String(crc32c(bytes));
}

function fault(error: unknown, operation: KekEvent['operation']): KekFault {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  if (typeof code !== 'number') return networkFault(error) ?? { kind: 'response' };
  const detail = `gRPC:${code}`;
  if (code === 3 && operation === 'unwrap') return { kind: 'decrypt', detail };
  return { kind: STATUSES[code] ?? 'response', detail };
}
