import {
  createKeyring,
  defineIndex,
  type FieldSpec,
  generateRawKey,
  type IndexSpec,
  type Keyring,
  type KeyView,
  keyringMemory,
  rawKey,
  storedTerms,
} from '@fieldseal/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Labeller } from '../src/doctor/leakage/labels.ts';

let keyring: Keyring;
let view: KeyView;
beforeAll(async () => {
  const made = await createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] });
  made.recovery.wipe();
  keyring = made.keyring;
  view = await keyring.resolve('');
});
afterAll(() => keyring.close());

function field(name: string, type: FieldSpec['type'] = 'String'): FieldSpec {
  return {
    model: 'Patient',
    field: name,
    context: { model: 'Patient', field: name },
    column: 'String',
    type,
    pad: null,
  };
}

const base = { model: 'Patient', column: 'index', name: 'index', sources: [field('name')] } as const;
const normalize = ['trim', 'lowercase'];

/** An index of each kind, two rows that it finds together, and one that it does not. */
const KINDS: readonly (readonly [name: string, index: IndexSpec, one: unknown[], same: unknown[], other: unknown[]])[] =
  [
    ['equality', defineIndex({ ...base, normalize }), [' Ada'], ['ADA '], ['Adam']],
    ['few bits', defineIndex({ ...base, bits: 8 }), ['Ada'], ['Ada'], ['Adam']],
    [
      'compound',
      defineIndex({ ...base, sources: [field('name'), field('age', 'Int')] }),
      ['Ada', 7],
      ['Ada', 7],
      ['Ada', 8],
    ],
    [
      'range',
      defineIndex({
        ...base,
        sources: [field('age', 'Int')],
        kind: 'range',
        range: { from: '0', to: '90', step: '10' },
      }),
      [31],
      [39],
      [40],
    ],
    ['one prefix', defineIndex({ ...base, normalize, kind: 'prefix', min: 2, max: 2 }), ['Ada'], ['adele'], ['Bo']],
    ['prefix', defineIndex({ ...base, normalize, kind: 'prefix', min: 2, max: 5 }), ['Ada 🙂'], ['ada 🙂x'], ['bodo']],
    ['suffix', defineIndex({ ...base, normalize, kind: 'suffix', min: 1, max: 3 }), ['Ada'], [' bADA'], ['bodo']],
    ['ngram', defineIndex({ ...base, normalize, kind: 'ngram', n: 3 }), ['Barbara '], ['barbara'], ['mono']],
  ];

describe.each(KINDS)('%s', (_, index, one, same, other) => {
  const of = (values: unknown[], spec = index) => new Labeller(view, spec).of(values);

  test('has the terms that the column has', () => {
    const [stored] = storedTerms(view.indexRoot, [{ index, values: one }]);
    const terms = of(one).map(({ term }) => term);
    expect([...terms].sort()).toEqual(typeof stored === 'string' ? [stored] : stored);
  });

  test('has equal labels where what is indexed is equal, and only there', () => {
    const labels = (values: unknown[]): string[] => of(values).map(({ label }) => label);
    expect(labels(same)).toEqual(labels(one));
    expect(labels(other).some((label) => labels(one).includes(label))).toBe(false);
  });

  test('has labels that say nothing of the terms', () => {
    for (const { term, label } of of(one)) {
      const digits = (text: string): string => text.split('.')[1] as string;
      expect(digits(label)).toHaveLength(32);
      if (digits(term).length >= 8) expect(digits(label).slice(0, 8)).not.toBe(digits(term).slice(0, 8));
    }
    const whole = of(one, { ...index, bits: 128 });
    expect(whole.some(({ term, label }) => term === label)).toBe(false);
  });
});

test('one value has one label in all partitions', () => {
  const index = defineIndex({ ...base, partitions: 16 });
  const labeller = new Labeller(view, index);
  const seen = Array.from({ length: 200 }, () => labeller.of(['Ada'])[0]);
  expect(new Set(seen.map((one) => one?.label)).size).toBe(1);
  expect(new Set(seen.map((one) => one?.term)).size).toBe(16);
});

test('a text too short for a term has none', () => {
  expect(new Labeller(view, defineIndex({ ...base, kind: 'ngram', n: 3 })).of(['ab'])).toEqual([]);
  expect(new Labeller(view, defineIndex({ ...base, kind: 'prefix', min: 3, max: 5 })).of(['ab'])).toEqual([]);
  expect(new Labeller(view, defineIndex({ ...base, kind: 'suffix', min: 3, max: 3 })).of(['ab'])).toEqual([]);
});

test('a value of another type has none either, but an error', () => {
  expect(() => new Labeller(view, defineIndex(base)).of([7])).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
});
