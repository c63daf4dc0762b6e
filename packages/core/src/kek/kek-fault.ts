/**
 * What can go wrong with a key service: one table of kinds, which the providers translate the errors of their services into.
 *
 * @module
 */
import { decryptError, type ErrorCode, FieldsealError } from '../errors.ts';

/** Every kind of failure: its code, whether trying again may help, and what happened, as it ends a sentence. */
const KINDS: Readonly<
  Record<
    | 'corrupted'
    | 'decrypt'
    | 'denied'
    | 'disabled'
    | 'notFound'
    | 'refused'
    | 'response'
    | 'throttled'
    | 'timeout'
    | 'tls'
    | 'unavailable',
    { readonly code: ErrorCode; readonly transient: boolean; readonly text: string }
  >
> = {
  decrypt: { code: 'ERR_DECRYPT', transient: false, text: 'did not unwrap it' },
  denied: { code: 'ERR_KEK_DENIED', transient: false, text: 'refused the credentials or the permission' },
  disabled: { code: 'ERR_KEK_DISABLED', transient: false, text: 'has the key, or the version of it, disabled' },
  notFound: { code: 'ERR_KEK_NOT_FOUND', transient: false, text: 'does not know the key' },
  refused: { code: 'ERR_KEK_REFUSED', transient: false, text: 'refused the request' },
  response: { code: 'ERR_KEK_RESPONSE', transient: false, text: 'gave an answer that is not of its protocol' },
  corrupted: { code: 'ERR_KEK_RESPONSE', transient: true, text: 'gave an answer that was changed on its way' },
  throttled: { code: 'ERR_KEK_THROTTLED', transient: true, text: 'had too many requests' },
  timeout: { code: 'ERR_KEK_TIMEOUT', transient: true, text: 'did not answer in time' },
  tls: { code: 'ERR_KEK_UNAVAILABLE', transient: false, text: 'could not be trusted: its certificate was refused' },
  unavailable: { code: 'ERR_KEK_UNAVAILABLE', transient: true, text: 'could not be reached or could not serve' },
};

/** Kind of a failure. */
export type FaultKind = keyof typeof KINDS;

/** A failure of a key service. */
export interface KekFault {
  readonly kind: FaultKind;
  /** Code or status of the service. Never its message, which may quote the request. */
  readonly detail?: string | number | undefined;
  /** How long the service asks to wait, in ms. */
  readonly retryAfterMs?: number | undefined;
}

/** A failure that a provider has understood, on its way to becoming a FieldsealError. Never leaves the `kek` folder. */
export class KekFaultError extends Error {
  readonly fault: KekFault;

  constructor(kind: FaultKind, detail?: string | number, retryAfterMs?: number) {
    super(kind);
    this.fault = { kind, detail, retryAfterMs };
  }
}

/** Whether the same request may succeed later. */
export function isTransient({ kind }: KekFault): boolean {
  return KINDS[kind].transient;
}

/** Code of a failure. */
export function faultCode({ kind }: KekFault): ErrorCode {
  return KINDS[kind].code;
}

/** What users get. Nothing of the service's own error is kept: errors of SDKs may hold the request, and with it the key. */
export function faultError(service: string, { kind, detail }: KekFault, keyId?: string): FieldsealError {
  if (kind === 'decrypt') return decryptError({ keyId });
  const named = detail !== undefined && /^[\w.:-]{1,80}$/.test(String(detail)) ? ` (${detail})` : '';
  return new FieldsealError(KINDS[kind].code, `${service} ${KINDS[kind].text}${named}`, { keyId });
}

/** Beginnings of the codes that Node gives to certificates that it does not trust. */
const TLS_CODES = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|HOSTNAME_MISMATCH)/;

/** Codes of the operating system and of Node's HTTP clients for connections that failed. */
const NETWORK_CODES =
  /^(E(CONNREFUSED|CONNRESET|CONNABORTED|PIPE|HOSTUNREACH|NETUNREACH|NETDOWN|NOTFOUND|AI_AGAIN|TIMEDOUT|SOCKETTIMEDOUT)|UND_ERR_\w+)$/;

/** The failure behind an error of a connection; undefined when it is none. Looks through causes, as `fetch` wraps them. */
export function networkFault(error: unknown): KekFault | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
    if (TLS_CODES.test(code)) return { kind: 'tls', detail: code };
    if (NETWORK_CODES.test(code)) return { kind: 'unavailable', detail: code };
  }
  return undefined;
}

/** Failure for an HTTP status, where a service does not say more. */
export function statusFault(status: number): KekFault {
  const detail = `HTTP:${status}`;
  if (status === 401 || status === 403) return { kind: 'denied', detail };
  if (status === 404) return { kind: 'notFound', detail };
  if (status === 408 || status >= 500) return { kind: 'unavailable', detail };
  if (status === 429) return { kind: 'throttled', detail };
  return status >= 400 ? { kind: 'refused', detail } : { kind: 'response', detail };
}
