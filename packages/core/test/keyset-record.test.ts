import { describe, expect, it } from 'vitest';
import { type KeysetRecord, keyIdsOf, parseKeysetRecord } from '../src/key-store/keyset-record.ts';
import { codeOf } from './error-code.ts';
import { storedDocument, testKeyring } from './test-keyring.ts';

async function sound(): Promise<KeysetRecord> {
  const { keyring, storage } = await testKeyring();
  await keyring.rotate();
  const [record] = (await storedDocument(storage)).keysets;
  return record as KeysetRecord;
}

/** A deep copy with one member replaced; undefined removes it. */
function altered(record: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(record) as Record<string | number, unknown>;
  const last = path.at(-1) as string | number;
  const parent = path
    .slice(0, -1)
    .reduce<Record<string | number, unknown>>((at, name) => at[name] as typeof copy, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

describe('parseKeysetRecord', () => {
  it('gives back a sound record, and nothing that does not belong to it', async () => {
    const record = await sound();
    expect(parseKeysetRecord(JSON.parse(JSON.stringify(record)))).toEqual(record);
    expect(parseKeysetRecord({ ...record, extra: 1 })).toEqual(record);
  });

  it('names all key ids', async () => {
    const record = await sound();
    expect(keyIdsOf(record)).toEqual([...record.data.versions, ...record.index.versions].map(({ keyId }) => keyId));
    expect(keyIdsOf(record)).toHaveLength(3);
  });

  it.each<[(string | number)[], readonly unknown[]]>([
    [['scope'], [undefined, null, 1]],
    [['generation'], [undefined, 0, -1, 1.5, '1', Number.NaN]],
    [['data'], [undefined, null, [], 'data']],
    [['index'], [undefined, null, [], 1]],
    [
      ['data', 'primary'],
      [undefined, null, '', '0000000000000000'],
    ],
    [
      ['data', 'versions'],
      [undefined, null, [], {}, [null], ['x'], [[]]],
    ],
    [
      ['data', 'versions', 0, 'keyId'],
      [undefined, 1, '', 'ABCDEF0123456789', '0123456789abcde', '0123456789abcdef0', '0123456789abcdeg'],
    ],
    [
      ['data', 'versions', 0, 'version'],
      [undefined, 0, -1, 1.5, '1'],
    ],
    [
      ['data', 'versions', 0, 'suite'],
      [undefined, 0, 0x13, '17', null],
    ],
    [
      ['data', 'versions', 0, 'status'],
      [undefined, '', 'Enabled', 'active', null, 'destroyed'],
    ],
    [
      ['data', 'versions', 0, 'created'],
      [undefined, null, 0, '', 'yesterday'],
    ],
    [
      ['data', 'versions', 0, 'destroyAfter'],
      [undefined, 0, '', 'tomorrow'],
    ],
    [
      ['data', 'versions', 0, 'kekId'],
      [undefined, null, 1],
    ],
    [
      ['data', 'versions', 0, 'wrapped'],
      [undefined, null, 1],
    ],
    [
      ['index', 'versions', 0, 'keyId'],
      [undefined, ''],
    ],
  ])('refuses a record whose member %j is another', async (path, values) => {
    const record = await sound();
    for (const value of values)
      expect(codeOf(() => parseKeysetRecord(altered(record, path, value)))).toBe('ERR_KEY_STORE');
  });

  it('refuses a primary that is not enabled, and a key id that stands twice', async () => {
    const record = await sound();
    const { versions, primary } = record.data;
    const at = versions.findIndex(({ keyId }) => keyId === primary);
    expect(codeOf(() => parseKeysetRecord(altered(record, ['data', 'versions', at, 'status'], 'disabled')))).toBe(
      'ERR_KEY_STORE',
    );
    const twice = { ...record, data: { primary, versions: [...versions, versions[at]] } };
    expect(codeOf(() => parseKeysetRecord(twice))).toBe('ERR_KEY_STORE');
  });

  it('accepts a destroyed version without a wrapped key, and no other', async () => {
    const record = await sound();
    const destroyed = altered(
      altered(record, ['data', 'versions', 0, 'status'], 'destroyed'),
      ['data', 'versions', 0, 'wrapped'],
      null,
    );
    expect(parseKeysetRecord(destroyed)).toEqual(destroyed);
  });

  it.each([null, undefined, 1, 'text', [], true])('refuses %j', (json) => {
    expect(codeOf(() => parseKeysetRecord(json))).toBe('ERR_KEY_STORE');
  });

  it('accepts records of shredded scopes as they are made, and refuses others', async () => {
    const { keyring } = await testKeyring();
    await keyring.addScope('acme');
    await keyring.shred('acme');
    const record = (await keyring.describe(['acme'])).keysets[0] as KeysetRecord;
    const census = {
      counted: '2026-01-01T00:00:00Z',
      entries: [{ field: 'A.b', keyId: record.data.primary, cells: 0 }],
    };
    expect(parseKeysetRecord(record)).toEqual(record);
    expect(parseKeysetRecord(altered(record, ['shred', 'census'], census))).toMatchObject({ shred: { census } });
    const cases: [(string | number)[], readonly unknown[]][] = [
      [['shred'], [undefined, null, 1, []]],
      [
        ['shred', 'requested'],
        [undefined, null, 'now'],
      ],
      [
        ['shred', 'destroyAfter'],
        [undefined, null, ''],
      ],
      [
        ['shred', 'enabled'],
        [undefined, null, 'x', [1], ['0'], ['0000000000000000']],
      ],
      [
        ['shred', 'destroyed'],
        [undefined, 1, 'now', '2026-01-01T00:00:00Z'],
      ],
      [
        ['shred', 'census'],
        [undefined, 1, {}, { ...census, counted: 1 }, { ...census, entries: [null] }],
      ],
      [['shred', 'census'], [{ ...census, entries: [{ field: 1, keyId: record.data.primary, cells: 0 }] }]],
      [['shred', 'census'], [{ ...census, entries: [{ field: 'A.b', keyId: 'x', cells: 0 }] }]],
      [['shred', 'census'], [{ ...census, entries: [{ field: 'A.b', keyId: record.data.primary, cells: '0' }] }]],
      [['data', 'versions', 0, 'status'], ['enabled']],
      [['index', 'versions', 0, 'status'], ['enabled']],
      [['mac'], [1, null, {}]],
    ];
    for (const [path, values] of cases)
      for (const value of values)
        expect([path, codeOf(() => parseKeysetRecord(altered(record, path, value)))]).toEqual([path, 'ERR_KEY_STORE']);
  });
});
