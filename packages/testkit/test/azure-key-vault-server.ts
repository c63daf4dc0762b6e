import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import {
  type FaultReplies,
  type HttpReply,
  type HttpRequest,
  type HttpService,
  startHttpService,
} from '../src/index.ts';

/** Errors as in "Azure Key Vault REST API error codes". */
const FAULTS: FaultReplies = {
  unavailable: error(503, 'ServiceUnavailable'),
  throttled: error(429, 'Throttled'),
  denied: error(403, 'Forbidden', 'AccessDenied'),
  disabled: error(403, 'Forbidden', 'KeyDisabled'),
  notFound: error(404, 'KeyNotFound'),
};

/** RSA keys are slow to make, so that all tests of a file share them. */
const PAIRS = Array.from({ length: 3 }, () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);

/** A version of a key of the stand-in. */
export interface AzureKey {
  readonly name: string;
  /** 32 hexadecimal digits. */
  readonly version: string;
}

/** A stand-in for Azure Key Vault: its REST API with the challenge of its authentication, wrapkey and unwrapkey, with RSA-OAEP-256. */
export async function startAzureKeyVault(keys: readonly AzureKey[]): Promise<HttpService> {
  const pairs = new Map(keys.map(({ name, version }, at) => [`${name}/${version}`, PAIRS[at] as KeyObject]));
  const answer = ({ method, path, headers, body }: HttpRequest): HttpReply => {
    if (headers.authorization === undefined) {
      const challenge = 'Bearer authorization="https://login.windows.net/tenant", resource="https://vault.azure.net"';
      return { ...error(401, 'Unauthorized'), headers: { 'www-authenticate': challenge } };
    }
    const [, id = '', action] = /^\/keys\/([\w-]+\/[0-9a-f]{32})(?:\/(\w+))?(?:\?|$)/.exec(path) ?? [];
    const pair = pairs.get(id);
    if (pair === undefined) return FAULTS.notFound;
    const kid = `https://vault.test/keys/${id}`;
    // Keys may be used without the right to read them.
    if (method === 'GET') return FAULTS.denied;
    const { alg, value } = JSON.parse(body) as { alg: string; value: string };
    if (alg !== 'RSA-OAEP-256') return error(400, 'BadParameter');
    const bytes = Buffer.from(value, 'base64url');
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    try {
      const result =
        action === 'wrapkey'
          ? publicEncrypt({ key: createPublicKey(pair), ...padding }, bytes)
          : privateDecrypt({ key: createPrivateKey(pair.export({ format: 'pem', type: 'pkcs8' })), ...padding }, bytes);
      return { status: 200, body: JSON.stringify({ kid, value: result.toString('base64url') }) };
    } catch {
      return error(400, 'BadParameter');
    }
  };
  // The SDK first asks for a challenge and for the key.
  return startHttpService(
    answer,
    FAULTS,
    ({ method, headers }) => method === 'POST' && headers.authorization !== undefined,
  );
}

function error(status: number, code: string, inner?: string): HttpReply {
  const innererror = inner === undefined ? {} : { innererror: { code: inner } };
  return { status, body: JSON.stringify({ error: { code, message: 'The request was refused.', ...innererror } }) };
}
