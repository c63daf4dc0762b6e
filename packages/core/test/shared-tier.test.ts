import { afterEach, describe, expect, it } from 'vitest';
import { cachePolicy } from '../src/dek-cache/cache-options.ts';
import { SharedBox } from '../src/dek-cache/shared-box.ts';
import { SharedTier } from '../src/dek-cache/shared-tier.ts';
import type { KeysetRecord } from '../src/key-store/keyset-record.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { XCHACHA20_POLY1305 } from '../src/suite.ts';
import { memorySharedCache } from './memory-shared-cache.ts';
import { testKeyring } from './test-keyring.ts';

const tiers: SharedTier[] = [];

afterEach(() => {
  for (const tier of tiers.splice(0)) tier.close();
});

/** A tier, and what another process of the same keyring seals with. */
async function tierAndBox(): Promise<{
  tier: SharedTier;
  box: SharedBox;
  record: KeysetRecord;
  put(content: unknown): void;
}> {
  const keyStore = memoryKeyStore();
  await testKeyring({ keyStore });
  const root = SecretBytes.take(new Uint8Array(32).fill(7));
  const cache = memorySharedCache();
  const box = new SharedBox(root, 'keyring', XCHACHA20_POLY1305);
  const own = new SharedBox(root, 'keyring', XCHACHA20_POLY1305);
  const listener = { changed() {}, anything() {} };
  const tier = new SharedTier(cache, cachePolicy({}, true), own, 'keyring', listener);
  tiers.push(tier);
  const record = { ...((await keyStore.load('')) as KeysetRecord), scope: 'acme' };
  const name = box.name('acme');
  return { tier, box, record, put: (content) => cache.texts.set(name, box.seal(name, content)) };
}

const fetched = async (tier: SharedTier) => (await tier.fetch(['acme'], () => 1)).get('acme');

describe('an entry that a process of the keyring sealed', () => {
  it('is given when it is of the scope and of now', async () => {
    const { tier, record, put } = await tierAndBox();
    const readAt = Date.now();
    put({ record, readAt });
    expect(await fetched(tier)).toEqual({ record, readAt });
  });

  it.each<[string, (record: KeysetRecord) => unknown]>([
    ['of another scope', (record) => ({ record: { ...record, scope: 'other' }, readAt: Date.now() })],
    ['of another form', (record) => ({ record: { ...record, generation: 'one' }, readAt: Date.now() })],
    ['without a record', () => ({ readAt: Date.now() })],
    ['without a time', (record) => ({ record })],
    ['with a time that is none', (record) => ({ record, readAt: 'now' })],
    ['nothing', () => null],
    ['a number', () => 7],
    ['a text', () => 'acme'],
  ])('is refused when it is %s', async (_what, content) => {
    const { tier, record, put } = await tierAndBox();
    put(content(record));
    expect([await fetched(tier), tier.stats.refused]).toEqual([undefined, 1]);
  });
});
