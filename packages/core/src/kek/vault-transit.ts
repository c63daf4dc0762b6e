/**
 * A KEK in the Transit engine of HashiCorp Vault or OpenBao (their HTTP API: POST /v1/<mount>/encrypt/<key> and …/decrypt/<key>).
 *
 * wrapped = 0x01 ‖ key version (4, big-endian) ‖ ciphertext, which is what the text `vault:v<version>:<base64>` says, in one spelling only.
 *
 * @module
 */
import { concat, utf8, view } from '../bytes.ts';
import { decryptError, FieldsealError } from '../errors.ts';
import type { CallPolicy } from './call-policy.ts';
import { type KekFault, KekFaultError, networkFault, statusFault } from './kek-fault.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import { type KeyService, remoteKek, type ServiceRequest } from './remote-kek.ts';
import { jsonWithSecret, takeSecret } from './secret-json.ts';
import { checkedAddress, type Fetch, type HttpAnswer, parseJson, post } from './vault-http.ts';

/** Options of {@link vaultTransitKek}. */
export interface VaultTransitOptions extends CallPolicy {
  /** Address of the server or of the agent: https, or http on this machine. */
  readonly address: string;
  /** Name of the key: aes256-gcm96 (the default of Vault), aes128-gcm96 or chacha20-poly1305. */
  readonly key: string;
  /** Path of the Transit engine; `transit` by default. */
  readonly mount?: string;
  /** Gives the token. It is asked before every request, so that it can follow a token that an agent renews. */
  readonly token: () => string | Promise<string>;
  /** Namespace of Vault Enterprise, HCP or OpenBao; none by default. */
  readonly namespace?: string;
  /** Whether the key was made with `derived=true`: then the context is also what Vault derives the key from. */
  readonly derived?: boolean;
  /** Id of the KEK; by default made of namespace, mount and key. */
  readonly id?: string;
  /** Another `fetch`, as undici's with a dispatcher that holds certificates; Node's own by default. */
  readonly fetch?: Fetch;
}

const FORMAT = 0x01;
const HEADER_BYTES = 5;
const CIPHERTEXT = /^vault:v([1-9]\d{0,8}):([A-Za-z0-9+/]+={0,2})$/;
const NAME = /^\w(?:[\w.-]*\w)?$/;
const PATH = /^\w(?:[\w./-]*\w)?$/;

/** What the errors of Vault's status 400 mean (vault/sdk/helper/keysutil and builtin/logical/transit), and of 500 in old versions. */
const REFUSALS: readonly (readonly [RegExp, KekFault])[] = [
  [/disallowed by policy \(too old\)/, { kind: 'disabled', detail: 'too-old' }],
  [/key not found|no existing key named/, { kind: 'notFound' }],
  [/invalid ciphertext|unable to decrypt|message authentication failed/, { kind: 'decrypt' }],
];

/**
 * A KEK in Vault's or OpenBao's Transit engine. The context is its `associated_data`, and bound inside the plaintext too: versions of Vault
 * that do not know that parameter ignore it in silence.
 *
 * @throws ERR_OPTIONS for an address or a name that cannot be
 */
export function vaultTransitKek(options: VaultTransitOptions): KeyWrapper {
  const { key, mount = 'transit', namespace = '', derived = false, token, fetch = globalThis.fetch } = options;
  const base = checkedAddress(options.address);
  if (!NAME.test(key)) throw new FieldsealError('ERR_OPTIONS', 'the name of the Vault key is not one');
  if (!PATH.test(mount) || mount.includes('..'))
    throw new FieldsealError('ERR_OPTIONS', 'the mount of Vault is not a path');
  if (namespace !== '' && !PATH.test(namespace))
    throw new FieldsealError('ERR_OPTIONS', 'the namespace of Vault is not a path');

  const send = async (action: string, body: Uint8Array, signal: AbortSignal): Promise<HttpAnswer> => {
    const headers = {
      'content-type': 'application/json',
      'x-vault-request': 'true', // agents refuse requests without it, against forged ones
      'x-vault-token': await checkedToken(token),
      ...(namespace !== '' && { 'x-vault-namespace': namespace }),
    };
    const answer = await post(fetch, `${base}/v1/${mount}/${action}/${key}`, headers, body, signal);
    if (answer.status !== 200) throw refusal(answer);
    return answer;
  };
  const bound = ({ aad }: ServiceRequest) => {
    const text = view(aad).toString('base64');
    return { associated_data: text, ...(derived && { context: text }) };
  };

  const service: KeyService = {
    name: 'Vault',
    bindsContext: false,
    async encrypt(plaintext, request) {
      const body = jsonWithSecret(bound(request), 'plaintext', plaintext);
      try {
        const { body: answer } = await send('encrypt', body, request.signal);
        const ciphertext = parseCiphertext(
          (parseJson(answer) as { data?: { ciphertext?: unknown } } | null | undefined)?.data?.ciphertext,
        );
        if (ciphertext === null) throw new KekFaultError('response');
        return ciphertext;
      } finally {
        body.fill(0);
      }
    },
    async decrypt(wrapped, request) {
      const ciphertext = formatCiphertext(wrapped);
      if (ciphertext === null) throw decryptError({ keyId: request.context.keyId });
      const answer = await send('decrypt', utf8(JSON.stringify({ ...bound(request), ciphertext })), request.signal);
      const { json, secret } = takeSecret(answer.body, 'plaintext');
      answer.body.fill(0);
      // What was taken must be what stood at its place, and not at another one.
      const member = (json as { data?: { plaintext?: unknown } } | null | undefined)?.data?.plaintext;
      if (secret !== null && typeof member === 'string' && /^x+$/.test(member)) return secret;
      secret?.wipe();
      throw new KekFaultError('response');
    },
    fault: (error) => networkFault(error) ?? { kind: 'response' },
  };
  const place = [namespace, mount, key].filter((part) => part !== '').join('/');
  return remoteKek(options.id ?? `vault:${place}`, service, options);
}

/** The token, checked: `fetch` would quote a malformed one in its error. */
async function checkedToken(token: VaultTransitOptions['token']): Promise<string> {
  let text: unknown;
  try {
    text = await token();
  } catch {
    throw new KekFaultError('denied', 'token'); // the reason is the function's own, and may hold anything
  }
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) throw new KekFaultError('denied', 'token');
  return text;
}

function refusal({ status, body, retryAfterMs }: HttpAnswer): KekFaultError {
  const errors = (parseJson(body) as { errors?: unknown } | null | undefined)?.errors;
  const text = Array.isArray(errors) ? errors.join('\n') : '';
  const known = status === 400 || status === 500 ? REFUSALS.find(([pattern]) => pattern.test(text))?.[1] : undefined;
  // 412 is a replica that has not seen a write yet; 472 and 473 are standbys.
  const passing = status === 412 || status === 472 || status === 473;
  const fault = known ?? statusFault(passing ? 503 : status);
  return new KekFaultError(fault.kind, fault.detail ?? `HTTP:${status}`, retryAfterMs);
}

function parseCiphertext(text: unknown): Uint8Array | null {
  const [, version, base64] = (typeof text === 'string' && CIPHERTEXT.exec(text)) || [];
  if (version === undefined || base64 === undefined) return null;
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return null;
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = FORMAT;
  new DataView(header.buffer).setUint32(1, Number(version));
  return concat(header, bytes);
}

/** The text that Vault gave; null for what it cannot have given. Version 0 is refused here: Vault takes it for version 1. */
function formatCiphertext(wrapped: Uint8Array): string | null {
  if (wrapped.length <= HEADER_BYTES || wrapped[0] !== FORMAT) return null;
  const version = view(wrapped).readUInt32BE(1);
  if (version === 0 || version > 999_999_999) return null;
  return `vault:v${version}:${view(wrapped.subarray(HEADER_BYTES)).toString('base64')}`;
}
