import type { KeyWrapper } from '@fieldseal/core';
import { type VaultTransitOptions, vaultTransitKek } from '@fieldseal/core/kek';
import { describe, expect, it } from 'vitest';
import { expectCode, expectKey, failure, sample } from '../src/contracts/key-wrapper.ts';
import { keyWrapperContract, remoteKeyWrapperContract } from '../src/index.ts';
import { startVaultTransit, type VaultTransitService } from '../src/key-services/vault-transit.ts';

const runner = { describe, it };
const QUICK = { timeoutMs: 10_000, attempts: 3, backoffMs: 5 } as const;

function kekOf({ url, token }: VaultTransitService, options: Partial<VaultTransitOptions> = {}): KeyWrapper {
  return vaultTransitKek({ address: url, key: 'app', token: () => token, ...QUICK, ...options });
}

async function fixture() {
  const service = await startVaultTransit({ keys: ['app', 'other'] });
  return {
    open: () => kekOf(service),
    other: () => kekOf(service, { key: 'other', id: kekOf(service).id }),
    renamed: () => kekOf(service, { id: 'renamed' }),
    close: service.close,
  };
}

keyWrapperContract('Vault Transit', fixture, runner);
remoteKeyWrapperContract(
  'Vault Transit',
  async () => {
    const service = await startVaultTransit();
    return {
      open: (policy) => kekOf(service, policy),
      fail: service.fail,
      requests: () => service.requests.length,
      secrets: [service.token],
      close: service.close,
    };
  },
  runner,
);

describe('the requests', () => {
  it('carry token, namespace and context in the places of the API', async () => {
    const service = await startVaultTransit({ namespace: 'team', mount: 'keys' });
    const { key, context } = sample({ scope: 'acme' });
    const kek = kekOf(service, { namespace: 'team', mount: 'keys' });
    expect(kek.id).toBe('vault:team/keys/app');
    await expectKey(kek, await kek.wrap(key, context), { key, context });
    expect(service.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/keys/encrypt/app',
      'POST /v1/keys/decrypt/app',
    ]);
    const [encrypt, decrypt] = service.requests.map(({ body }) => JSON.parse(body) as Record<string, string>);
    expect(Object.keys(encrypt ?? {})).toEqual(['associated_data', 'plaintext']);
    expect(Object.keys(decrypt ?? {})).toEqual(['associated_data', 'ciphertext']);
    expect(Buffer.from(encrypt?.['associated_data'] ?? '', 'base64').includes('acme')).toBe(true);
    await service.close();
  });

  it('ask for the token anew each time', async () => {
    const service = await startVaultTransit();
    const tokens = ['old', service.token];
    const { key, context } = sample({});
    const kek = kekOf(service, { token: async () => tokens.shift() ?? '' });
    await expectCode(kek.wrap(key, context), 'ERR_KEK_DENIED');
    await kek.wrap(key, context);
    await service.close();
  });

  it.each([
    ['', 'empty'],
    ['canary\nof the token', 'of two lines'],
    ['canäry', 'not ASCII'],
  ])('are not sent with a token that is none: %j', async (token) => {
    const service = await startVaultTransit();
    const { key, context } = sample({});
    const error = await failure(kekOf(service, { token: () => token }).wrap(key, context));
    expect(error).toMatchObject({ code: 'ERR_KEK_DENIED' });
    expect(String(error)).not.toMatch(/canary|canäry/);
    expect(service.requests).toEqual([]);
    await service.close();
  });

  it('are not sent when the token cannot be had, and nothing of the reason is shown', async () => {
    const service = await startVaultTransit();
    const { key, context } = sample({});
    const token = () => Promise.reject(new Error('canary'));
    const error = await failure(kekOf(service, { token }).wrap(key, context));
    expect(error).toMatchObject({ code: 'ERR_KEK_DENIED' });
    expect((error as Error).cause).toBeUndefined();
    await service.close();
  });
});

describe('the context is bound', () => {
  it.each([
    ['by a version of Vault that ignores associated_data', { ignoresAssociatedData: true }, {}],
    ['by a derived key in a namespace', { derived: true, namespace: 'team/a' }, { derived: true, namespace: 'team/a' }],
  ] as const)('%s', async (_what, server, options) => {
    const service = await startVaultTransit(server);
    const kek = kekOf(service, options);
    const { key, context } = sample({ scope: 'acme' });
    const wrapped = await kek.wrap(key, context);
    await expectKey(kek, wrapped, { key, context });
    await expectCode(kek.unwrap(wrapped, { ...context, scope: 'other' }), 'ERR_DECRYPT');
    await expectCode(kek.unwrap(wrapped, { ...context, purpose: 'index' }), 'ERR_DECRYPT');
    await expectCode(kekOf(service, { ...options, id: 'renamed' }).unwrap(wrapped, context), 'ERR_DECRYPT');
    await service.close();
  });

  it('only where Vault is told that the key is derived', async () => {
    const service = await startVaultTransit({ derived: true });
    const { key, context } = sample({});
    await expectCode(kekOf(service).wrap(key, context), 'ERR_KEK_REFUSED');
    await service.close();
  });
});

describe('the fetch that is given', () => {
  it('sends the requests, with certificates of its own, say', async () => {
    const service = await startVaultTransit();
    const urls: string[] = [];
    const fetch: VaultTransitOptions['fetch'] = (input, init) => {
      urls.push(String(input));
      return globalThis.fetch(String(input).replace('https://vault.test', service.url), init);
    };
    const { key, context } = sample({});
    const kek = kekOf(service, { address: 'https://vault.test/', fetch });
    await expectKey(kek, await kek.wrap(key, context), { key, context });
    expect(urls).toEqual(['https://vault.test/v1/transit/encrypt/app', 'https://vault.test/v1/transit/decrypt/app']);
    await service.close();
  });

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 1],
    ['CERT_HAS_EXPIRED', 1],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 1],
    ['ECONNREFUSED', 3],
    ['ENOTFOUND', 3],
    ['UND_ERR_CONNECT_TIMEOUT', 3],
  ])('fails with %s, which is unavailable after %i tries', async (code, tries) => {
    const service = await startVaultTransit();
    let asked = 0;
    const fetch = () => {
      asked++;
      return Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('canary'), { code }) }));
    };
    const { key, context } = sample({});
    const error = await failure(kekOf(service, { fetch }).wrap(key, context));
    expect(error).toMatchObject({ code: 'ERR_KEK_UNAVAILABLE' });
    expect(String(error)).toContain(code);
    expect(String(error)).not.toContain('canary');
    expect(asked).toBe(tries);
    await service.close();
  });

  it('may be one that hides redirects behind status 0', async () => {
    const service = await startVaultTransit();
    const fetch = async () => Object.defineProperty(new Response(null), 'status', { value: 0 });
    const { key, context } = sample({});
    await expectCode(kekOf(service, { fetch }).wrap(key, context), 'ERR_KEK_RESPONSE');
    await service.close();
  });
});

describe('the answers', () => {
  it('of a redirect are not followed: token and key would go elsewhere', async () => {
    const [service, elsewhere] = [await startVaultTransit(), await startVaultTransit()];
    const { key, context } = sample({});
    for (const status of [301, 302, 303, 307, 308]) {
      service.fail({ status, headers: { location: `${elsewhere.url}/v1/transit/encrypt/app` }, body: '' }, 1);
      await expectCode(kekOf(service).wrap(key, context), 'ERR_KEK_RESPONSE');
    }
    expect(elsewhere.requests).toEqual([]);
    expect(service.requests).toHaveLength(5);
    await Promise.all([service.close(), elsewhere.close()]);
  });

  it.each([
    ['no data', '{}'],
    ['null', 'null'],
    ['data of another kind', '{"data":[]}'],
    ['no ciphertext', '{"data":{}}'],
    ['another prefix', '{"data":{"ciphertext":"kms:v1:AAAA"}}'],
    ['version 0', '{"data":{"ciphertext":"vault:v0:AAAA"}}'],
    ['a version that is no number', '{"data":{"ciphertext":"vault:vx:AAAA"}}'],
    ['base64 in another spelling', '{"data":{"ciphertext":"vault:v1:AAB="}}'],
    ['a number', '{"data":{"ciphertext":1}}'],
    ['more than is read', `{"data":{"ciphertext":"vault:v1:${'A'.repeat(70_000)}"}}`],
  ])('of encrypt are refused: %s', async (_what, body) => {
    const service = await startVaultTransit();
    const { key, context } = sample({});
    service.fail({ status: 200, body }, 1);
    await expectCode(kekOf(service).wrap(key, context), 'ERR_KEK_RESPONSE');
    await service.close();
  });

  it.each([
    ['no plaintext', '{"data":{}}'],
    ['a plaintext elsewhere', '{"plaintext":"AAAA","data":{}}'],
    ['a plaintext in a text', '{"warning":"\\"plaintext\\":\\"AAAA\\"","data":{}}'],
    ['a plaintext that is not base64', '{"data":{"plaintext":"A*AA"}}'],
    ['an escaped plaintext', '{"data":{"plaintext":"AA\\/A"}}'],
    ['a number', '{"data":{"plaintext":12345678}}'],
    ['an end in the middle', '{"data":{"plaintext":"AAAA'],
  ])('of decrypt are refused: %s', async (_what, body) => {
    const service = await startVaultTransit();
    const { key, context } = sample({});
    const kek = kekOf(service);
    const wrapped = await kek.wrap(key, context);
    service.fail({ status: 200, body }, 1);
    await expectCode(kek.unwrap(wrapped, context), 'ERR_KEK_RESPONSE');
    await service.close();
  });

  it.each([
    ['a key of another size', Buffer.alloc(32)],
    ['a payload bound to something else', Buffer.alloc(64)],
  ])('of decrypt that give %s do not open', async (_what, bytes) => {
    const service = await startVaultTransit();
    const { key, context } = sample({});
    const kek = kekOf(service);
    const wrapped = await kek.wrap(key, context);
    service.fail({ status: 200, body: JSON.stringify({ data: { plaintext: bytes.toString('base64') } }) }, 1);
    await expectCode(kek.unwrap(wrapped, context), 'ERR_DECRYPT');
    await service.close();
  });

  it.each([
    [412, [], 'ERR_KEK_UNAVAILABLE', 3],
    [472, [], 'ERR_KEK_UNAVAILABLE', 3],
    [473, [], 'ERR_KEK_UNAVAILABLE', 3],
    [500, ['internal error'], 'ERR_KEK_UNAVAILABLE', 3],
    [502, [], 'ERR_KEK_UNAVAILABLE', 3],
    [500, ['cipher: message authentication failed'], 'ERR_DECRYPT', 1],
    [400, ['invalid ciphertext: version is too new'], 'ERR_DECRYPT', 1],
    [400, ["missing 'context' for key derivation"], 'ERR_KEK_REFUSED', 1],
    [400, ['encryption key not found'], 'ERR_KEK_NOT_FOUND', 1],
    [405, ['unsupported operation'], 'ERR_KEK_REFUSED', 1],
    [401, [], 'ERR_KEK_DENIED', 1],
    [204, [], 'ERR_KEK_RESPONSE', 1],
  ] as const)('of status %i with %j mean %s, after %i requests', async (status, messages, code, requests) => {
    const service = await startVaultTransit();
    const { key, context } = sample({});
    const kek = kekOf(service);
    const wrapped = await kek.wrap(key, context);
    service.fail({ status, body: status === 204 ? '' : JSON.stringify({ errors: messages }) }, 3);
    await expectCode(kek.unwrap(wrapped, context), code);
    expect(service.requests).toHaveLength(1 + requests);
    await service.close();
  });

  it('that ask for a wait beyond the deadline end the tries', async () => {
    const service = await startVaultTransit();
    const { key, context } = sample({});
    service.fail({ status: 429, headers: { 'retry-after': '3600' }, body: '{"errors":[]}' }, 3);
    await expectCode(kekOf(service).wrap(key, context), 'ERR_KEK_THROTTLED');
    expect(service.requests).toHaveLength(1);
    await service.close();
  });
});

describe('a wrapped key', () => {
  it('of version 0 is not sent: Vault would take it for version 1', async () => {
    const service = await startVaultTransit();
    const { key, context } = sample({});
    const kek = kekOf(service);
    const wrapped = await kek.wrap(key, context);
    wrapped[4] = 0;
    await expectCode(kek.unwrap(wrapped, context), 'ERR_DECRYPT');
    expect(service.requests).toHaveLength(1);
    await service.close();
  });
});

describe('rotation in Vault', () => {
  it('keeps old versions readable until they are disallowed', async () => {
    const service = await startVaultTransit();
    const { key, context } = sample({});
    const kek = kekOf(service);
    const old = await kek.wrap(key, context);
    service.rotate('app');
    const wrapped = await kek.wrap(key, context);
    await expectKey(kek, old, { key, context });
    await expectKey(kek, wrapped, { key, context });
    service.requireVersion('app', 2);
    await expectCode(kek.unwrap(old, context), 'ERR_KEK_DISABLED');
    await expectKey(kek, wrapped, { key, context });
    await service.close();
  });
});

describe('the options', () => {
  it.each([
    ['an address that is none', { address: 'vault' }],
    ['http over a network', { address: 'http://vault.example:8200' }],
    ['http to what only looks local', { address: 'http://localhost.example:8200' }],
    ['credentials in the address', { address: 'https://me:secret@vault.example' }],
    ['a query', { address: 'https://vault.example/?a=b' }],
    ['another protocol', { address: 'file:///vault' }],
    ['a key with a slash', { key: 'a/b' }],
    ['a key that climbs', { key: '..' }],
    ['a mount that climbs', { mount: 'a/../b' }],
    ['a namespace with a line break', { namespace: 'a\nb' }],
    ['an empty id', { id: '' }],
    ['no time', { timeoutMs: 0 }],
    ['no attempt', { attempts: 0 }],
    ['half a millisecond', { backoffMs: 0.5 }],
    ['no deadline', { deadlineMs: Number.POSITIVE_INFINITY }],
  ])('are refused: %s', (_what, options) => {
    const make = () => vaultTransitKek({ address: 'https://vault.example', key: 'app', token: () => 't', ...options });
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  });

  it.each([
    'https://vault.example',
    'https://vault.example/prefix/',
    'http://localhost:8200',
    'http://127.0.0.1:8200',
    'http://[::1]:8200',
  ])('allow %s', (address) => {
    expect(vaultTransitKek({ address, key: 'app', token: () => 't' }).id).toBe('vault:transit/app');
  });
});
