import { LABELS } from '../kdf.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { CallPolicy } from './call-policy.ts';
import { type FaultKind, type KekFault, KekFaultError, networkFault, statusFault } from './kek-fault.ts';
import type { KeyWrapper, WrapContext } from './key-wrapper.ts';
import { remoteKek } from './remote-kek.ts';

/** What is needed of a client of AWS KMS: the aggregated client `KMS` of @aws-sdk/client-kms has it. */
export interface AwsKmsClient {
  encrypt(
    input: {
      readonly KeyId: string;
      readonly Plaintext: Uint8Array;
      readonly EncryptionContext: Record<string, string>;
    },
    options: { readonly abortSignal: AbortSignal },
  ): Promise<{ readonly CiphertextBlob?: Uint8Array | undefined }>;
  decrypt(
    input: {
      readonly KeyId: string;
      readonly CiphertextBlob: Uint8Array;
      readonly EncryptionContext: Record<string, string>;
    },
    options: { readonly abortSignal: AbortSignal },
  ): Promise<{ readonly Plaintext?: Uint8Array | undefined }>;
}

/** Options of {@link awsKmsKek}. */
export interface AwsKmsOptions extends CallPolicy {
  /** For example `new KMS({ maxAttempts: 1 })`: attempts are counted here. */
  readonly client: AwsKmsClient;
  /** ARN of a symmetric key for encryption. An alias would lose what it wrapped as soon as it points elsewhere. */
  readonly keyId: string;
  /** Id of the KEK; `aws-kms:` and the key's ARN by default. */
  readonly id?: string;
}

/** Errors of Encrypt and Decrypt (AWS KMS API Reference), and the ones that all actions share. */
const ERRORS: Readonly<Record<string, FaultKind>> = {
  AccessDeniedException: 'denied',
  DependencyTimeoutException: 'unavailable',
  DisabledException: 'disabled',
  ExpiredTokenException: 'denied',
  IncompleteSignature: 'denied',
  IncorrectKeyException: 'decrypt',
  InvalidCiphertextException: 'decrypt',
  InvalidClientTokenId: 'denied',
  InvalidGrantTokenException: 'denied',
  InvalidKeyUsageException: 'refused',
  InvalidSignatureException: 'denied',
  KeyUnavailableException: 'unavailable',
  KMSInternalException: 'unavailable',
  KMSInvalidStateException: 'disabled',
  LimitExceededException: 'throttled',
  MissingAuthenticationToken: 'denied',
  NotFoundException: 'notFound',
  OptInRequired: 'denied',
  RequestExpired: 'denied',
  ServiceUnavailable: 'unavailable',
  ServiceUnavailableException: 'unavailable',
  ThrottlingException: 'throttled',
  TimeoutError: 'unavailable',
  UnrecognizedClientException: 'denied',
};

/**
 * A KEK in AWS KMS. The parts of the context are the encryption context, which CloudTrail shows and policies can ask for: names of scopes
 * should tell nothing secret.
 */
export function awsKmsKek({ client, keyId, id = `aws-kms:${keyId}`, ...policy }: AwsKmsOptions): KeyWrapper {
  return remoteKek(
    id,
    {
      name: 'AWS KMS',
      bindsContext: true,
      async encrypt(plaintext, { context, signal }) {
        const input = {
          KeyId: keyId,
          Plaintext: plaintext.expose(),
          EncryptionContext: encryptionContext(id, context),
        };
        const { CiphertextBlob } = await client.encrypt(input, { abortSignal: signal });
        if (CiphertextBlob === undefined) throw new KekFaultError('response');
        return Uint8Array.from(CiphertextBlob);
      },
      async decrypt(wrapped, { context, signal }) {
        const input = { KeyId: keyId, CiphertextBlob: wrapped, EncryptionContext: encryptionContext(id, context) };
        const { Plaintext } = await client.decrypt(input, { abortSignal: signal });
        if (Plaintext === undefined) throw new KekFaultError('response');
        return SecretBytes.take(Plaintext);
      },
      fault,
    },
    policy,
  );
}

/** The parts of the PAE in spec/format.md §5 by name. KMS compares the whole set; an empty part is left out. */
function encryptionContext(kekId: string, { keyId, scope, purpose }: WrapContext): Record<string, string> {
  return {
    'fieldseal:label': LABELS.dek,
    'fieldseal:kek': kekId,
    'fieldseal:key': keyId,
    'fieldseal:purpose': purpose,
    ...(scope !== '' && { 'fieldseal:scope': scope }),
  };
}

function fault(error: unknown): KekFault {
  const { name, $metadata } = (error ?? {}) as { name?: unknown; $metadata?: { httpStatusCode?: unknown } };
  const known = typeof name === 'string' && Object.hasOwn(ERRORS, name) ? ERRORS[name] : undefined;
  if (known !== undefined) return { kind: known, detail: name as string };
  const network = networkFault(error);
  if (network !== undefined) return network;
  const status = $metadata?.httpStatusCode;
  if (typeof status !== 'number') return { kind: 'response' };
  // A status of success with an error is an answer that the SDK could not read.
  return status < 300 ? { kind: 'response' } : statusFault(status);
}
