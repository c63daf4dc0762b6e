/**
 * A KEK in Azure Key Vault or Managed HSM.
 *
 * wrapped = 0x01 ‖ version of the key (16 bytes, 32 hexadecimal digits in its URL) ‖ what wrapKey gave
 *
 * @module
 */
import { concat, fromHex, toHex } from '../bytes.ts';
import { decryptError, FieldsealError } from '../errors.ts';
import type { KekEvent } from '../events.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { CallPolicy } from './call-policy.ts';
import { type FaultKind, type KekFault, KekFaultError, networkFault, statusFault } from './kek-fault.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import { remoteKek } from './remote-kek.ts';

/** Algorithms that both hide a key and detect changes. RSA1_5 does not, and is not offered. */
export type AzureWrapAlgorithm = 'RSA-OAEP-256' | 'A256KW' | 'A192KW' | 'A128KW';

/** What is needed of a client of Key Vault: `CryptographyClient` of @azure/keyvault-keys has it. */
export interface AzureCryptographyClient {
  wrapKey(
    algorithm: AzureWrapAlgorithm,
    key: Uint8Array,
    options: { readonly abortSignal: AbortSignal },
  ): Promise<{ readonly result: Uint8Array }>;
  unwrapKey(
    algorithm: AzureWrapAlgorithm,
    encryptedKey: Uint8Array,
    options: { readonly abortSignal: AbortSignal },
  ): Promise<{ readonly result: Uint8Array }>;
}

/** Options of {@link azureKeyVaultKek}. */
export interface AzureKeyVaultOptions extends CallPolicy {
  /**
   * URL of the key version that wraps: `https://<vault>.vault.azure.net/keys/<name>/<version>`. What other versions of it wrapped stays readable.
   * A URL without a version is refused: the SDK then names the version that it saw first, which need not be the one that wrapped.
   */
  readonly key: string;
  /** Makes the client of a key version; for example `(id) => new CryptographyClient(id, credential)`. */
  readonly client: (keyId: string) => AzureCryptographyClient;
  /** `RSA-OAEP-256` by default; `A256KW` for symmetric keys of a Managed HSM. */
  readonly algorithm?: AzureWrapAlgorithm;
  /** Id of the KEK; `azure:` and the URL without the version by default. */
  readonly id?: string;
}

const FORMAT = 0x01;
const VERSION_BYTES = 16;
const KEY_URL = /^(https:\/\/[\w.-]+(?::\d+)?\/keys\/[\w-]+)\/([0-9a-f]{32})$/;

/** Clients of versions that are kept. A key has few; forged versions must not fill the memory. */
const MAX_CLIENTS = 16;

/** Codes of Key Vault's errors, the inner ones first (Azure Key Vault REST API error codes). */
const ERRORS: Readonly<Record<string, FaultKind>> = {
  AccessDenied: 'denied',
  Forbidden: 'denied',
  ForbiddenByFirewall: 'denied',
  ForbiddenByPolicy: 'denied',
  ForbiddenByRbac: 'denied',
  KeyDisabled: 'disabled',
  KeyExpired: 'disabled',
  KeyNotFound: 'notFound',
  KeyNotYetValid: 'disabled',
  Throttled: 'throttled',
  Unauthorized: 'denied',
};

/**
 * A KEK in Azure Key Vault. `wrapKey` knows no additional data, so the context is bound inside what is wrapped (a digest beside the key).
 *
 * **Whoever has the public half of an RSA key can wrap** keys of his own choice under it. Keep wrapped keys inside the keyring, which is
 * authenticated by itself, or use a symmetric key of a Managed HSM.
 *
 * @throws ERR_OPTIONS for a key that is not the URL of a version
 */
export function azureKeyVaultKek(options: AzureKeyVaultOptions): KeyWrapper {
  const { key, client, algorithm = 'RSA-OAEP-256' } = options;
  const [, base = '', present = ''] = KEY_URL.exec(key) ?? [];
  const version = fromHex(present);
  if (version?.length !== VERSION_BYTES)
    throw new FieldsealError('ERR_OPTIONS', 'the Azure key is not https://<vault>/keys/<name>/<version>');
  const clients = new Map<string, AzureCryptographyClient>();
  const clientOf = (keyId: string) => {
    const made = clients.get(keyId) ?? client(keyId);
    if (clients.size < MAX_CLIENTS) clients.set(keyId, made);
    return made;
  };
  return remoteKek(
    options.id ?? `azure:${base}`,
    {
      name: 'Azure Key Vault',
      bindsContext: false,
      async encrypt(plaintext, { signal }) {
        const { result } = await clientOf(key).wrapKey(algorithm, plaintext.expose(), { abortSignal: signal });
        if (!(result instanceof Uint8Array) || result.length === 0) throw new KekFaultError('response');
        return concat(Uint8Array.of(FORMAT), version, result);
      },
      async decrypt(wrapped, { context, signal }) {
        const header = 1 + VERSION_BYTES;
        if (wrapped.length <= header || wrapped[0] !== FORMAT) throw decryptError({ keyId: context.keyId });
        const from = wrapped.subarray(1, header);
        const versioned = clientOf(`${base}/${toHex(from)}`);
        const { result } = await versioned
          .unwrapKey(algorithm, wrapped.subarray(header), { abortSignal: signal })
          .catch((error: unknown) => {
            // Versions of a key are never deleted one by one: one that is not there never was, and so wrapped nothing.
            const missing = (error as { statusCode?: unknown } | null)?.statusCode === 404;
            throw missing && toHex(from) !== present ? decryptError({ keyId: context.keyId }) : error;
          });
        if (!(result instanceof Uint8Array)) throw new KekFaultError('response');
        return SecretBytes.take(result);
      },
      fault,
    },
    options,
  );
}

function fault(error: unknown, operation: KekEvent['operation']): KekFault {
  const { statusCode, code, details } = (error ?? {}) as {
    statusCode?: unknown;
    code?: unknown;
    details?: { error?: { code?: unknown; innererror?: { code?: unknown }; innerError?: { code?: unknown } } };
  };
  // The service writes innererror, and the SDK renames it.
  const inner = details?.error?.innererror ?? details?.error?.innerError;
  const codes = [inner?.code, details?.error?.code, code].filter((text) => typeof text === 'string');
  const known = codes.find((text) => Object.hasOwn(ERRORS, text));
  if (known !== undefined && ERRORS[known] !== undefined) return { kind: ERRORS[known], detail: known };
  if (typeof statusCode !== 'number') {
    // The SDK's own codes for a request that did not get through, and for an answer that broke off.
    if (code === 'REQUEST_SEND_ERROR' || code === 'PARSE_ERROR') return { kind: 'unavailable', detail: code };
    return networkFault(error) ?? { kind: 'response' };
  }
  // BadParameter: the ciphertext does not open, or its version belongs to another key. A version that never was is not found.
  if (operation === 'unwrap' && statusCode === 400) return { kind: 'decrypt', detail: codes[0] };
  return statusFault(statusCode);
}
