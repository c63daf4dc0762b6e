import { FieldCipher, isFieldsealError, type Keyring } from '@fieldseal/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshKeyring } from './harness.ts';
import {
  KINDS,
  type Kind,
  type Position,
  placesOf,
  SEARCHED_KINDS,
  type SearchedKind,
  sent,
  shown,
  WRAPPINGS,
} from './matrix/kinds.ts';
import { filtersOf } from './matrix/operators.ts';

/** Every filter and every write in every place that the grammar has: without a database, since a refusal comes before any. */
describe.each(KINDS)('a $field field', (kind: Kind) => {
  const cipher = new FieldCipher({ engine: 'auto' });
  let keyring: Keyring;
  beforeAll(async () => {
    keyring = await freshKeyring();
  });
  afterAll(() => keyring.close());

  /** The arguments that are sent, or the code of the refusal. */
  const outcome = (position: Position, inside: unknown): string => {
    try {
      return shown(sent(cipher, keyring, position.call(structured(inside))));
    } catch (error) {
      if (!isFieldsealError(error)) throw error;
      return error.code;
    }
  };
  const refusal = /^ERR_/;

  const filters = Object.entries(filtersOf(kind.value));
  const wheres = placesOf('where', 'unique', 'cursor', 'attempt', 'target');

  it.each(filters)('filter %s: moved to an index, or refused, everywhere', (name, { filter, equality }) => {
    for (const position of wheres) {
      const naming = position.rule !== 'where';
      // Every way to combine filters at the top; elsewhere the same function walks them.
      const full = position.name === 'findMany.where' || position.name === 'findUnique.where';
      for (const [wrapping, wrap] of Object.entries(WRAPPINGS)) {
        const { filter: wrapped, model } = wrap({ [kind.field]: filter });
        if (model !== 'Kind' || !(full || wrapping === 'alone' || wrapping === 'OR')) continue;
        const given = naming ? { id: 'k', ...(wrapped as object) } : wrapped;
        const text = outcome(position, given);
        const place = `${position.name} ${wrapping} ${name}`;
        if (!kind.migrating) expect(text, place).not.toContain(kind.canary);
        if (!equality || !kind.indexed) {
          if (!(kind.field === 'list' && /isEmpty/.test(name) && !/equals/.test(name)))
            expect(text, place).toMatch(refusal);
        } else if (!kind.migrating) expect(text, place).toMatch(/"1\.[0-9a-f]{32}"/);
      }
    }
  });

  it.each(filters)('filter %s: behind a relation', (name, { filter, equality }) => {
    for (const [wrapping, wrap] of Object.entries(WRAPPINGS)) {
      const { filter: wrapped, model } = wrap({ [kind.field]: filter });
      for (const operation of ['findMany', 'deleteMany']) {
        const position: Position = {
          name: operation,
          rule: 'where',
          call: (where) => ({ model, operation, args: { where } as Record<string, unknown> }),
        };
        const text = outcome(position, wrapped);
        if (!kind.migrating) expect(text, `${operation} ${wrapping} ${name}`).not.toContain(kind.canary);
        if (!equality || (!kind.indexed && kind.field !== 'list'))
          expect(text === 'ERR_UNSUPPORTED_FILTER' || kind.field === 'list', `${operation} ${wrapping} ${name}`).toBe(
            true,
          );
      }
    }
  });

  it('null forms need no index, and no key', () => {
    const forms =
      kind.field === 'list'
        ? []
        : [null, { equals: null }, { not: null }, { not: { equals: null } }, { in: [] }, { notIn: [] }, {}];
    for (const form of forms) {
      for (const position of wheres)
        expect(outcome(position, { id: 'k', [kind.field]: form }), position.name).not.toMatch(refusal);
    }
  });

  it('an order, a distinct, a group, a number or a having is refused, or served by the index alone', () => {
    const { field } = kind;
    const cases: [Parameters<typeof placesOf>, unknown[]][] = [
      [
        ['orderBy'],
        [
          { [field]: 'asc' },
          [{ plain: 'asc' }, { [field]: { sort: 'desc', nulls: 'last' } }],
          { owner: { kinds: { _count: 'asc' } }, [field]: 'asc' },
          { _relevance: { fields: [field], search: 'x', sort: 'asc' } },
          { _max: { [field]: 'asc' } },
        ],
      ],
      [['aggregate'], [{ [field]: true }]],
      [
        ['having'],
        [
          { [field]: kind.value },
          { [field]: { _count: { gt: 1 } } },
          { OR: [{ [field]: { equals: kind.value } }] },
          { NOT: { AND: [{ [field]: { _min: { gt: kind.value } } }] } },
        ],
      ],
    ];
    for (const [rules, insides] of cases) {
      const places = placesOf(...rules).filter(({ name }) => !/^(select|include)/.test(name) || rules[0] === 'orderBy');
      expect(places.length).toBeGreaterThan(0);
      for (const place of places)
        for (const inside of insides) expect(outcome(place, inside), place.name).toBe('ERR_UNSUPPORTED_FILTER');
    }
    const served = ['exact', 'several', 'typed', 'date', 'bound', 'readonly'];
    for (const place of placesOf('distinct', 'by')) {
      const text = outcome(place, [field]);
      const grouped = place.rule === 'by';
      if (!served.includes(field) || (grouped && field === 'bound'))
        expect(text, place.name).toBe('ERR_UNSUPPORTED_FILTER');
      else expect(text, place.name).toContain(`"${field}Index"`);
    }
  });

  it.each([
    ['plain', (value: unknown) => value],
    ['{ set }', (value: unknown) => ({ set: value })],
  ])('a value written %s becomes a cell with its terms, everywhere', (form, write) => {
    const places = placesOf('create', 'update');
    expect(places.length).toBeGreaterThan(10);
    for (const place of places) {
      const value = kind.field === 'list' ? [kind.value] : kind.value;
      const text = outcome(place, { id: place.rule === 'create' ? 'k' : undefined, [kind.field]: write(value) });
      expect(text, place.name).not.toContain(kind.field === 'json' && form !== 'plain' ? '"set":"C' : kind.canary);
      const known =
        kind.field !== 'bound' ||
        place.rule === 'create' ||
        /^(update|updateMany|updateManyAndReturn|upsert)\.|\.(update|updateMany|upsert)(\[\])?\./.test(place.name);
      if (!kind.writable) expect(text, place.name).toBe('ERR_UNSUPPORTED_OPERATION');
      else if (known) expect(text, place.name).toMatch(kind.field === 'bytes' ? /"11[0-9a-f]{90,}"/ : /"fs1:/);
      else expect(text, place.name).toBe('ERR_BINDING');
      if (kind.indexed && kind.writable && known)
        expect(text, place.name).toMatch(new RegExp(`"${kind.field}Index":"1\\.`));
    }
  });

  it.each(['increment', 'decrement', 'multiply', 'divide', 'unset'])(
    'the update %s is refused everywhere',
    (operator) => {
      for (const place of placesOf('update')) {
        if (kind.field === 'json') continue; // an object is a JSON value there
        expect(outcome(place, { [kind.field]: { [operator]: kind.value } }), place.name).toBe(
          'ERR_UNSUPPORTED_OPERATION',
        );
      }
    },
  );

  it('NULL clears the terms, undefined leaves them alone', () => {
    for (const place of placesOf('update')) {
      if (!kind.writable || kind.field === 'list') continue;
      const text = outcome(place, { [kind.field]: null });
      expect(text, place.name).toContain(`"${kind.field}":null`);
      if (kind.indexed) expect(text, place.name).toContain(`"${kind.field}Index":null`);
      expect(outcome(place, { [kind.field]: undefined }), place.name).not.toContain(`${kind.field}Index`);
    }
  });

  it('a term written by hand is refused everywhere', () => {
    for (const place of placesOf('create', 'update')) {
      if (!kind.indexed) continue;
      for (const term of ['1.00', null, { set: null }])
        expect(outcome(place, { [`${kind.field}Index`]: term }), place.name).toBe('ERR_INDEX_WRITTEN');
    }
  });
});

/** The same for indexes of other kinds: a comparison is searched by terms or refused, and its operand never leaves. */
describe.each(SEARCHED_KINDS)('a $field field', (kind: SearchedKind) => {
  const cipher = new FieldCipher({ engine: 'auto' });
  let keyring: Keyring;
  beforeAll(async () => {
    keyring = await freshKeyring();
  });
  afterAll(() => keyring.close());

  /** Operators that stand in a filter by its name. */
  const operatorsIn = (name: string): string[] => name.split(/ and |(?<=^not) /).filter((word) => word !== 'null');
  const served = (name: string) => operatorsIn(name).every((operator) => kind.serves.includes(operator));

  it.each(Object.entries(filtersOf(kind.value)))('filter %s, everywhere', (name, { filter }) => {
    for (const position of placesOf('where', 'unique', 'cursor', 'attempt', 'target')) {
      for (const [wrapping, wrap] of Object.entries(WRAPPINGS)) {
        const { filter: wrapped, model } = wrap({ [kind.field]: filter });
        if (model !== 'Kind' || (wrapping !== 'alone' && position.name !== 'findMany.where')) continue;
        const given = position.rule === 'where' ? wrapped : { id: 'k', ...(wrapped as object) };
        const place = `${position.name} ${wrapping} ${name}`;
        let text: string;
        try {
          text = shown(sent(cipher, keyring, position.call(structured(given))));
        } catch (error) {
          if (!isFieldsealError(error)) throw error;
          if (position.rule !== 'cursor' && served(name)) throw error;
          continue;
        }
        expect(served(name) || position.rule === 'cursor', place).toBe(true);
        expect(position.rule, place).not.toBe('cursor');
        expect(text, place).not.toContain(kind.canary);
      }
    }
  });

  it('is refused where whole equality is needed', () => {
    for (const place of placesOf('distinct', 'by'))
      expect(() => sent(cipher, keyring, place.call([kind.field])), place.name).toThrow(
        expect.objectContaining({ code: 'ERR_UNSUPPORTED_FILTER' }),
      );
  });

  it('orders pages of the operation itself, if it has ranges', () => {
    const ordered = (args: object) =>
      sent(cipher, keyring, { model: 'Kind', operation: 'findMany', args: { ...args } });
    const order = { orderBy: { [kind.field]: 'asc' }, take: 5 };
    if (kind.field === 'ranged') expect(() => ordered(order)).not.toThrow();
    else expect(() => ordered(order)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED_FILTER' }));
    const refused = [
      { include: { owner: { include: { kinds: order } } } },
      { where: {}, orderBy: { owner: { kinds: { _max: { [kind.field]: 'asc' } } } }, take: 5 },
      { orderBy: { [kind.field]: 'asc' } },
    ];
    for (const args of refused)
      expect(() => ordered(args)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED_FILTER' }));
  });
});

/** A copy, so that one plan does not see what another has changed. Values that are no plain data are kept. */
function structured(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structured);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, structured(member)]));
}
