/**
 * A stand-in for the Transit engine of Vault and OpenBao: their HTTP API with real AES-256-GCM behind it. Paths, bodies, statuses and messages
 * are those of the API documentation and of builtin/logical/transit and sdk/helper/keysutil.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import {
  type FaultReplies,
  type HttpReply,
  type HttpRequest,
  type HttpService,
  startHttpService,
} from './http-service.ts';

/** A running stand-in. */
export interface VaultTransitService extends HttpService {
  /** The only token that it takes. */
  readonly token: string;
  /** Adds a key version, which encrypts from now on. */
  rotate(key: string): void;
  /** Refuses ciphertext of older versions, as `min_decryption_version` does. */
  requireVersion(key: string, version: number): void;
}

/** Options of {@link startVaultTransit}. */
export interface VaultTransitServiceOptions {
  /** Names of the keys; `app` by default. */
  readonly keys?: readonly string[];
  /** Where the engine is mounted; `transit` by default. */
  readonly mount?: string;
  /** The namespace that requests must name; none by default. */
  readonly namespace?: string;
  /** Whether the keys are derived, and so ask for a context. */
  readonly derived?: boolean;
  /** Whether it ignores `associated_data`, as versions do that do not know it. */
  readonly ignoresAssociatedData?: boolean;
}

interface TransitKey {
  readonly versions: Buffer[];
  least: number;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

const FAULTS: FaultReplies = {
  unavailable: errors(503, 'Vault is sealed'),
  throttled: errors(429, 'request path "transit/encrypt/app": rate limit quota exceeded'),
  denied: errors(403, '1 error occurred:\n\t* permission denied\n\n'),
  disabled: errors(400, 'ciphertext or signature version is disallowed by policy (too old)'),
  notFound: errors(404, 'no handler for route "transit/encrypt/app". route entry not found.'),
};

/** Starts a stand-in for Vault's Transit engine. */
export async function startVaultTransit(options: VaultTransitServiceOptions = {}): Promise<VaultTransitService> {
  const { keys = ['app'], mount = 'transit', namespace, derived = false, ignoresAssociatedData = false } = options;
  const token = `hvs.${randomBytes(24).toString('base64url')}`;
  const store = new Map(keys.map((name): [string, TransitKey] => [name, { versions: [randomBytes(32)], least: 1 }]));

  const answer = ({ method, path, headers, body }: HttpRequest): HttpReply => {
    if (headers['x-vault-token'] !== token) return FAULTS.denied;
    if (headers['x-vault-namespace'] !== namespace || !path.startsWith(`/v1/${mount}/`)) return FAULTS.notFound;
    const [action, name = ''] = path.slice(`/v1/${mount}/`.length).split('/');
    if ((method !== 'POST' && method !== 'PUT') || (action !== 'encrypt' && action !== 'decrypt'))
      return errors(405, 'unsupported operation');
    const key = store.get(name);
    if (key === undefined) return errors(400, 'encryption key not found');
    let fields: Record<string, string>;
    try {
      fields = JSON.parse(body) as Record<string, string>;
    } catch {
      return errors(400, 'failed to parse JSON input');
    }
    if (derived && !fields['context'])
      return errors(400, "missing 'context' for key derivation; the key was created using a derived key");
    const aad = Buffer.from(ignoresAssociatedData ? '' : (fields['associated_data'] ?? ''), 'base64');
    const context = derived ? Buffer.from(fields['context'] ?? '', 'base64') : null;
    return action === 'encrypt' ? encrypt(key, fields, aad, context) : decrypt(key, fields, aad, context);
  };
  const service = await startHttpService(answer, FAULTS);
  const keyOf = (name: string) => {
    const key = store.get(name);
    if (key === undefined) throw new RangeError(`there is no key ${name}`);
    return key;
  };
  return {
    ...service,
    token,
    rotate: (name) => {
      keyOf(name).versions.push(randomBytes(32));
    },
    requireVersion: (name, version) => {
      keyOf(name).least = version;
    },
  };
}

function encrypt(
  { versions }: TransitKey,
  fields: Record<string, string>,
  aad: Buffer,
  context: Buffer | null,
): HttpReply {
  const plaintext = Buffer.from(fields['plaintext'] ?? '', 'base64');
  if (plaintext.length === 0) return errors(400, 'missing plaintext to encrypt');
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyFor(versions, versions.length, context), nonce, {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(aad);
  const sealed = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return data({ ciphertext: `vault:v${versions.length}:${sealed.toString('base64')}`, key_version: versions.length });
}

function decrypt(
  { versions, least }: TransitKey,
  fields: Record<string, string>,
  aad: Buffer,
  context: Buffer | null,
): HttpReply {
  const [, number, base64] = /^vault:v(\d+):(.*)$/.exec(fields['ciphertext'] ?? '') ?? [];
  if (number === undefined || base64 === undefined) return errors(400, 'invalid ciphertext: no prefix');
  // Version 0 is taken for version 1, as Vault does for the sake of its first release.
  const version = Number(number) || 1;
  if (version > versions.length) return errors(400, 'invalid ciphertext: version is too new');
  if (version < least) return FAULTS.disabled;
  const sealed = Buffer.from(base64, 'base64');
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return errors(400, 'invalid ciphertext: unable to decrypt');
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const cipher = createDecipheriv('aes-256-gcm', keyFor(versions, version, context), nonce, {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(aad);
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const plaintext = Buffer.concat([cipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()]);
    return data({ plaintext: plaintext.toString('base64') });
  } catch {
    return errors(400, 'cipher: message authentication failed');
  }
}

function keyFor(versions: readonly Buffer[], version: number, context: Buffer | null): Buffer {
  const key = versions[version - 1] as Buffer;
  return context === null ? key : Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), context, 32));
}

function data(fields: Readonly<Record<string, unknown>>): HttpReply {
  const rest = { lease_id: '', renewable: false, lease_duration: 0, wrap_info: null, warnings: null, auth: null };
  return {
    status: 200,
    body: JSON.stringify({ request_id: crypto.randomUUID(), ...rest, data: fields, mount_type: 'transit' }),
  };
}

function errors(status: number, ...messages: readonly string[]): HttpReply {
  return { status, body: `${JSON.stringify({ errors: messages })}\n` };
}
