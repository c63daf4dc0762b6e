import { KMS } from '@aws-sdk/client-kms';
import { CryptographyClient } from '@azure/keyvault-keys';
import { crc32c } from '@fieldseal/core/internal';
import {
  type AwsKmsClient,
  type AzureKeyVaultOptions,
  awsKmsKek,
  azureKeyVaultKek,
  type CallPolicy,
  gcpKmsKek,
} from '@fieldseal/core/kek';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectCode, expectKey, failure, sample } from '../src/contracts/key-wrapper.ts';
import { type HttpService, keyWrapperContract, remoteKeyWrapperContract } from '../src/index.ts';
import { startAwsKms } from './aws-kms-server.ts';
import { startAzureKeyVault } from './azure-key-vault-server.ts';
import { type Corruption, castagnoli, FakeGcpKms } from './gcp-kms-client.ts';

const runner = { describe, it };
const QUICK: CallPolicy = { timeoutMs: 10_000, attempts: 3, backoffMs: 5 };

/** Clients by address. Their connections end with the tests. */
const clients = new Map<string, KMS>();
let aws: HttpService;
let azure: HttpService;

const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const OTHER_ARN = `${ARN.slice(0, -1)}c`;
const urlOf = (name: string, version: string) => `https://vault.test/keys/${name}/${version.repeat(32)}`;
const [OLD, APP, OTHER] = [urlOf('app', '0'), urlOf('app', '1'), urlOf('other', '2')];

beforeAll(async () => {
  aws = await startAwsKms([ARN, OTHER_ARN]);
  azure = await startAzureKeyVault([
    { name: 'app', version: '0'.repeat(32) },
    { name: 'app', version: '1'.repeat(32) },
    { name: 'other', version: '2'.repeat(32) },
  ]);
});

afterAll(async () => {
  for (const client of clients.values()) client.destroy();
  await Promise.all([aws.close(), azure.close()]);
});

function awsClient(endpoint: string): KMS {
  const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'canaryOfTheSecretAccessKey' };
  const client = clients.get(endpoint) ?? new KMS({ endpoint, region: 'eu-central-1', maxAttempts: 1, credentials });
  clients.set(endpoint, client);
  return client;
}

function awsKek(options: { id?: string; keyId?: string } & CallPolicy = {}) {
  const { id = `aws-kms:${ARN}`, keyId = ARN, ...policy } = options;
  return awsKmsKek({ client: awsClient(aws.url), keyId, id, ...QUICK, ...policy });
}

function azureKek(options: Partial<AzureKeyVaultOptions> = {}) {
  const credential = {
    getToken: async () => ({ token: 'canaryOfTheToken', expiresOnTimestamp: Date.now() + 3_600_000 }),
  };
  const local = {
    disableChallengeResourceVerification: true,
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  };
  // The SDK takes the address of the vault from the URL of the key.
  const client = (id: string) => new CryptographyClient(id.replace('https://vault.test', azure.url), credential, local);
  return azureKeyVaultKek({ key: APP, client, ...QUICK, ...options });
}

keyWrapperContract(
  'AWS KMS',
  async () => ({
    open: () => awsKek(),
    other: () => awsKek({ keyId: OTHER_ARN }),
    renamed: () => awsKek({ id: 'renamed' }),
  }),
  runner,
);

remoteKeyWrapperContract(
  'AWS KMS',
  async () => {
    aws.fail('denied', 0);
    const before = aws.requests.length;
    return {
      open: (policy) => awsKek(policy),
      fail: aws.fail,
      requests: () => aws.requests.length - before,
      secrets: ['canaryOfTheSecretAccessKey'],
    };
  },
  runner,
);

keyWrapperContract(
  'Azure Key Vault',
  async () => ({
    open: () => azureKek(),
    other: () => azureKek({ key: OTHER, id: 'azure:https://vault.test/keys/app' }),
    renamed: () => azureKek({ id: 'renamed' }),
  }),
  runner,
);

remoteKeyWrapperContract(
  'Azure Key Vault',
  async () => {
    azure.fail('denied', 0);
    const before = azure.requests.length;
    return {
      open: (policy) => azureKek(policy),
      fail: azure.fail,
      requests: () => azure.requests.length - before,
      secrets: ['canaryOfTheToken'],
    };
  },
  runner,
);

const GCP_NAME = 'projects/p/locations/europe-west3/keyRings/r/cryptoKeys/app';

function gcpKek(client: FakeGcpKms, options: { id?: string; name?: string } & CallPolicy = {}) {
  return gcpKmsKek({ client, name: GCP_NAME, id: `gcp-kms:${GCP_NAME}`, ...QUICK, ...options });
}

keyWrapperContract(
  'Google Cloud KMS',
  async () => {
    const client = new FakeGcpKms([GCP_NAME, `${GCP_NAME}2`]);
    return {
      open: () => gcpKek(client),
      other: () => gcpKek(client, { name: `${GCP_NAME}2` }),
      renamed: () => gcpKek(client, { id: 'renamed' }),
    };
  },
  runner,
);

remoteKeyWrapperContract(
  'Google Cloud KMS',
  async () => {
    const client = new FakeGcpKms([GCP_NAME]);
    return {
      open: (policy) => gcpKek(client, policy),
      fail: (fault, times) => client.fail(fault, times),
      requests: () => client.requests,
      buffers: () => client.buffers,
      without: ['reset', 'truncated'],
    };
  },
  runner,
);

describe('AWS KMS', () => {
  it('gets the parts of the context by name, without empty ones', async () => {
    const { key, context } = sample({ scope: 'acme' });
    await awsKek().wrap(key, context);
    await awsKek().wrap(key, { ...context, scope: '', purpose: 'index' });
    const contexts = aws.requests
      .slice(-2)
      .map(({ body }) => (JSON.parse(body) as { EncryptionContext: unknown }).EncryptionContext);
    const shared = {
      'fieldseal:label': 'fieldseal/v1/dek',
      'fieldseal:kek': `aws-kms:${ARN}`,
      'fieldseal:key': context.keyId,
    };
    expect(contexts).toEqual([
      { ...shared, 'fieldseal:purpose': 'data', 'fieldseal:scope': 'acme' },
      { ...shared, 'fieldseal:purpose': 'index' },
    ]);
  });

  it.each([
    ['DependencyTimeoutException', 'ERR_KEK_UNAVAILABLE'],
    ['ExpiredTokenException', 'ERR_KEK_DENIED'],
    ['IncorrectKeyException', 'ERR_DECRYPT'],
    ['InvalidKeyUsageException', 'ERR_KEK_REFUSED'],
    ['KeyUnavailableException', 'ERR_KEK_UNAVAILABLE'],
    ['KMSInvalidStateException', 'ERR_KEK_DISABLED'],
    ['LimitExceededException', 'ERR_KEK_THROTTLED'],
    ['UnrecognizedClientException', 'ERR_KEK_DENIED'],
    ['SomethingNewException', 'ERR_KEK_REFUSED'],
    ['toString', 'ERR_KEK_REFUSED'],
  ] as const)('says %s, which is %s', async (type, code) => {
    const { key, context } = sample({});
    const wrapped = await awsKek().wrap(key, context);
    const body = JSON.stringify({ __type: type, message: 'canary' });
    aws.fail({ status: 400, headers: { 'content-type': 'application/x-amz-json-1.1' }, body }, 1);
    const error = await failure(awsKek({ attempts: 1 }).unwrap(wrapped, context));
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain('canary');
  });

  it.each(['{}', '{"CiphertextBlob":""}', '{"CiphertextBlob":null}'])(
    'answers %s to Encrypt, which is no answer',
    async (body) => {
      const { key, context } = sample({});
      aws.fail({ status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body }, 1);
      await expectCode(awsKek().wrap(key, context), 'ERR_KEK_RESPONSE');
    },
  );

  it('that answers too late has its answer wiped', async () => {
    const { key, context } = sample({});
    const late = Buffer.alloc(32, 7);
    const given: Uint8Array[] = [];
    let answer = (_: { Plaintext: Uint8Array }): void => undefined;
    const client: AwsKmsClient = {
      encrypt: async ({ Plaintext }) => {
        given.push(Plaintext);
        return { CiphertextBlob: Buffer.alloc(60) };
      },
      decrypt: () => new Promise((resolve) => (answer = resolve)),
    };
    const kek = awsKmsKek({ client, keyId: ARN, timeoutMs: 20, attempts: 1 });
    const wrapped = await kek.wrap(key, context);
    expect(given[0]?.every((byte) => byte === 0)).toBe(true);
    await expectCode(kek.unwrap(wrapped, context), 'ERR_KEK_TIMEOUT');
    answer({ Plaintext: late });
    await new Promise((resolve) => setImmediate(resolve));
    expect(late.every((byte) => byte === 0)).toBe(true);
  });

  it('that throws before it returns a promise, or throws what is no error, fails as any other', async () => {
    const { key, context } = sample({});
    for (const thrown of [new Error('canary'), 'canary', null, undefined, { name: 5 }]) {
      const fail = () => {
        throw thrown;
      };
      const kek = awsKmsKek({ client: { encrypt: fail, decrypt: fail }, keyId: ARN });
      const error = await failure(kek.wrap(key, context));
      expect(error).toMatchObject({ code: 'ERR_KEK_RESPONSE' });
      expect(String(error)).not.toContain('canary');
      expect((error as Error).cause).toBeUndefined();
    }
  });

  it('that cannot be reached at all is unavailable', async () => {
    const { key, context } = sample({});
    const client = awsClient('http://127.0.0.1:9');
    await expectCode(awsKmsKek({ client, keyId: ARN, ...QUICK }).wrap(key, context), 'ERR_KEK_UNAVAILABLE');
  });
});

describe('Azure Key Vault', () => {
  it('opens what an older version of the key wrapped', async () => {
    const { key, context } = sample({ scope: 'acme' });
    const wrapped = await azureKek({ key: OLD }).wrap(key, context);
    await expectKey(azureKek(), wrapped, { key, context });
    expect(azureKek({ key: OLD }).id).toBe(azureKek().id);
  });

  it.each([
    'https://vault.test/keys/app',
    'https://vault.test/keys/app/',
    'http://vault.test/keys/app/00000000000000000000000000000000',
    'https://vault.test/secrets/app/00000000000000000000000000000000',
    'https://me@vault.test/keys/app/00000000000000000000000000000000',
    'https://vault.test/keys/app/0000',
  ])('is not %s', (url) => {
    expect(() => azureKek({ key: url })).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  });

  it('keeps no more than a few clients, however many versions stored keys name', async () => {
    const { key, context } = sample({});
    const wrapped = await azureKek().wrap(key, context);
    const made: string[] = [];
    const client = (id: string) => {
      made.push(id);
      return { wrapKey: () => Promise.reject(new Error()), unwrapKey: () => Promise.reject(new Error()) };
    };
    const kek = azureKek({ client });
    for (let version = 0; version < 40; version++) {
      const forged = Uint8Array.from(wrapped);
      forged[5] = version;
      for (const _ of [1, 2]) await expectCode(kek.unwrap(forged, context), 'ERR_KEK_RESPONSE');
    }
    expect(made).toHaveLength(16 + 24 * 2);
  });
});

describe('Google Cloud KMS', () => {
  it.each<Corruption>(['ciphertext', 'sum', 'no sum', 'unverified'])(
    'is asked again when an answer of Encrypt is corrupted: %s',
    async (corruption) => {
      const client = new FakeGcpKms([GCP_NAME]);
      const { key, context } = sample({});
      client.corruption = corruption;
      await expectKey(gcpKek(client), await gcpKek(client).wrap(key, context), { key, context });
      expect(client.requests).toBe(3);
      client.corruption = corruption;
      await expectCode(gcpKek(client, { attempts: 1 }).wrap(key, context), 'ERR_KEK_RESPONSE');
    },
  );

  it.each<Corruption>(['plaintext', 'sum', 'no sum'])(
    'is asked again when an answer of Decrypt is corrupted, which is wiped: %s',
    async (corruption) => {
      const client = new FakeGcpKms([GCP_NAME]);
      const { key, context } = sample({});
      const wrapped = await gcpKek(client).wrap(key, context);
      client.corruption = corruption;
      await expectKey(gcpKek(client), wrapped, { key, context });
      expect(client.requests).toBe(3);
      expect(client.buffers).toHaveLength(2);
      for (const buffer of client.buffers) expect(buffer.every((byte) => byte === 0)).toBe(true);
    },
  );

  it.each(['', 'app', `${GCP_NAME}/cryptoKeyVersions/1`, 'projects/p/locations/l/keyRings/r'])(
    'has no key called %j',
    (name) => {
      expect(() => gcpKek(new FakeGcpKms([]), { name })).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
    },
  );

  it('has check sums as RFC 3720 gives them', () => {
    for (const sum of [castagnoli, crc32c]) {
      expect(sum(new Uint8Array(32))).toBe(0x8a9136aa);
      expect(sum(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
      expect(sum(Uint8Array.from({ length: 32 }, (_, at) => at))).toBe(0x46dd794e);
    }
  });
});
