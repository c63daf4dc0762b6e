import { describe, expect, it } from 'vitest';
import { createKeyring } from '../src/keyring/create-keyring.ts';
import { parseDocument } from '../src/keyring/document.ts';
import { generateRawKey } from '../src/keyring/key-text.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import type { SlotOpener } from '../src/keyring/slot.ts';
import { passphrase, rawKey, recoveryKey } from '../src/keyring/slot.ts';
import { keyringMemory } from '../src/keyring/storage.ts';
import { codeOf, codeOfPromise } from './error-code.ts';
import { storedText, testKeyring } from './test-keyring.ts';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Path = readonly (string | number)[];

const REFUSALS = ['ERR_KEYRING_DAMAGED', 'ERR_KEYRING_LOCKED'];

/** A keyring with everything that a document can hold: all slots, several versions and statuses. */
async function full(): Promise<{ text: string; openers: readonly SlotOpener[] }> {
  const storage = keyringMemory();
  const openers = [rawKey(generateRawKey()), passphrase('correct horse battery', { logN: 14 })];
  const { keyring, recovery } = await createKeyring({ storage, openers });
  const first = (await keyring.resolve('')).primary.keyId;
  await keyring.addScope('acme');
  await keyring.rotate();
  await keyring.disable(first);
  await keyring.scheduleDestroy(first);
  return { text: await storedText(storage), openers: [...openers, recoveryKey(recovery)] };
}

function openText(text: string, openers: readonly SlotOpener[]): Promise<unknown> {
  return openKeyring({ storage: keyringMemory(text), openers });
}

/** Paths of all members and list entries, deep ones too. */
function pathsOf(json: Json, path: Path = []): Path[] {
  if (typeof json !== 'object' || json === null) return [path];
  const children = Object.entries(json).flatMap(([name, child]) =>
    pathsOf(child, [...path, Array.isArray(json) ? Number(name) : name]),
  );
  return path.length === 0 ? children : [path, ...children];
}

function at(json: Json, path: Path): Json {
  return path.reduce<Json>((node, name) => (node as Record<string, Json>)[name] as Json, json);
}

function altered(json: Json, path: Path, change: (parent: Record<string, Json>, name: string) => void): string {
  const copy = structuredClone(json);
  change(at(copy, path.slice(0, -1)) as Record<string, Json>, String(path.at(-1)));
  return JSON.stringify(copy);
}

/** Another value of the same kind. */
function other(value: Json): Json {
  if (typeof value === 'string') return value === '' ? 'x' : `${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`;
  if (typeof value === 'number') return value + 1;
  if (value === null) return '2030-01-01T00:00:00.000Z';
  return Array.isArray(value) ? [...value, ...value] : { extra: 1 };
}

describe('a keyring document', () => {
  it('names a KEK outside by null, and no KEK twice', async () => {
    const { storage } = await testKeyring();
    const { keks, ...rest } = JSON.parse(await storedText(storage)) as { keks: { id: string }[] };
    const [kek] = keks;
    const text = (entries: readonly unknown[]) => JSON.stringify({ ...rest, keks: entries });
    expect(parseDocument(text([{ ...kek, wrapped: null }])).document.keks).toMatchObject([{ wrapped: null }]);
    for (const entries of [
      [kek, kek],
      [kek, { ...kek, wrapped: null }],
      [{ ...kek, wrapped: 1 }],
      [{ ...kek, id: null }],
      [],
    ])
      expect(codeOf(() => parseDocument(text(entries)))).toBe('ERR_KEYRING_DAMAGED');
  });

  it('is refused whatever member is altered, removed, or of another kind', async () => {
    const { text, openers } = await full();
    const json = JSON.parse(text) as Json;
    const [opener] = openers as [SlotOpener];
    await expect(openText(JSON.stringify(json), [opener])).resolves.toBeDefined();
    const accepted: string[] = [];
    const paths = pathsOf(json);
    for (const path of paths) {
      const texts = [
        altered(json, path, (parent, name) => Reflect.deleteProperty(parent, name)),
        ...[0, 'text', null, [], {}, true]
          .filter((value) => JSON.stringify(value) !== JSON.stringify(at(json, path)))
          .map((value) =>
            altered(json, path, (parent, name) => {
              parent[name] = value;
            }),
          ),
      ];
      if (typeof at(json, path) !== 'object' || at(json, path) === null || Array.isArray(at(json, path))) {
        texts.push(
          altered(json, path, (parent, name) => {
            parent[name] = other(parent[name] as Json);
          }),
        );
      }
      for (const changed of texts) {
        if (Array.isArray(at(json, path.slice(0, -1))) && JSON.stringify(JSON.parse(changed)) === JSON.stringify(json))
          continue;
        const code = await codeOfPromise(openText(changed, [opener]));
        if (!REFUSALS.includes(code)) accepted.push(`${path.join('.')}: ${code}`);
      }
    }
    expect(paths.length).toBeGreaterThan(60);
    expect(accepted).toEqual([]);
  });

  it('is refused when entries of its lists change places', async () => {
    const { text, openers } = await full();
    const json = JSON.parse(text) as { slots: Json[]; keysets: Json[] };
    for (const member of ['slots', 'keysets'] as const) {
      const changed = JSON.stringify({ ...json, [member]: json[member].toReversed() });
      expect(await codeOfPromise(openText(changed, openers))).toBe('ERR_KEYRING_DAMAGED');
    }
  });

  it('opens whatever its white space and the order of its members', async () => {
    const { text, openers } = await full();
    const json = JSON.parse(text) as Record<string, Json>;
    const reversed = Object.fromEntries(Object.entries(json).toReversed());
    for (const same of [JSON.stringify(json), JSON.stringify(reversed, null, 4)]) {
      for (const opener of openers) await expect(openText(same, [opener])).resolves.toBeDefined();
    }
  });

  it('ignores a member that it does not know: it has no effect', async () => {
    const { text, openers } = await full();
    const storage = keyringMemory(JSON.stringify({ ...(JSON.parse(text) as object), extra: { status: 'enabled' } }));
    const keyring = await openKeyring({ storage, openers });
    await keyring.addKey();
    expect(await storedText(storage)).not.toContain('extra');
  });

  it.each([
    '',
    ' ',
    'null',
    'true',
    '5',
    '"text"',
    '[]',
    '{}',
    '{',
    '{"format":"fieldseal-keyring/2"}',
    '{"format":"fieldseal-keyring/1"}',
    'FIELDSEAL_KEY=canary',
  ])('is not %j', async (text) => {
    const opened = openText(text, [rawKey(generateRawKey())]);
    expect(await codeOfPromise(opened)).toBe('ERR_KEYRING_DAMAGED');
    await expect(opened).rejects.not.toThrow(/canary/);
  });

  it('is refused when it is cut anywhere', async () => {
    const { storage, opener } = await testKeyring();
    const text = (await storedText(storage)).trimEnd();
    for (let length = 0; length < text.length; length += 7) {
      expect(await codeOfPromise(openText(text.slice(0, length), [opener]))).toBe('ERR_KEYRING_DAMAGED');
    }
  });

  it('is refused with the body of one keyring and the slots of another', async () => {
    const [one, two] = [await testKeyring(), await testKeyring()];
    const [body, slots] = [
      JSON.parse(await storedText(one.storage)) as object,
      JSON.parse(await storedText(two.storage)) as { slots: Json },
    ];
    const mixed = JSON.stringify({ ...body, slots: slots.slots });
    expect(await codeOfPromise(openText(mixed, [one.opener, two.opener]))).toBe('ERR_KEYRING_LOCKED');
  });
});
