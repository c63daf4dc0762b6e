import {
  defineIndex,
  type FieldSpec,
  type IndexKind,
  IndexRoot,
  SecretBytes,
  searchTerms,
  storedTerms,
  type ValueType,
} from '@fieldseal/core';
import { deriveKindKey } from '@fieldseal/core/internal';
import { FieldsealTestError } from '../testkit-error.ts';
import { expectSame } from './expect-same.ts';
import type { VectorCase } from './vector-case.ts';

/** Key and terms must come out as given: all of a value for kinds with several, those of all partitions for an index with partitions. */
export function checkIndexKind(vector: VectorCase): void {
  const [rootBytes, kind, name] = [vector.bytes('root'), vector.text('kind'), vector.text('name')];
  const contexts = vector.pairs('sources').map(([model, field]) => ({ model, field }));
  const types = vector.types('types');
  const { partitions = '1', min = '0', max = '0', n = '0', from, to, step } = vector.parameters('parameters');
  const key = deriveKindKey(
    SecretBytes.copy(rootBytes),
    kind,
    name,
    contexts.flatMap(({ model, field }) => [model, field]),
  );
  expectSame('the key', key.expose(), vector.bytes('kindKey'));

  const [first, ...rest] = contexts.map((context, at): FieldSpec => {
    return { ...context, context, column: 'String', type: types[at] ?? 'String', pad: null };
  });
  if (first === undefined) throw new FieldsealTestError('the member sources is empty');
  const index = defineIndex({
    model: first.model,
    column: 'terms',
    name,
    kind: kind as IndexKind,
    sources: [first, ...rest],
    normalize: vector.texts('normalize'),
    bits: vector.count('bits'),
    partitions: Number(partitions),
    min: Number(min),
    max: Number(max),
    n: Number(n),
    range: from === undefined || to === undefined || step === undefined ? null : { from, to, step },
  });
  const root = new IndexRoot('', vector.count('version'), SecretBytes.take(rootBytes));
  const values = vector.texts('values').map((text, at) => valueOfText(types[at] ?? 'String', text));
  const stored = [storedTerms(root, [{ index, values }])[0] ?? []].flat();
  const terms = vector.texts('terms');
  if (index.partitions === 1) {
    expectSame('the stored terms', stored.join(' '), terms.join(' '));
    return;
  }
  const search = searchTerms(root, index, { equals: values.length > 1 ? values : values[0] });
  expectSame('the terms of all partitions', search?.terms.join(' ') ?? 'none', terms.join(' '));
  if (stored.length !== 1 || !terms.includes(stored[0] ?? ''))
    throw new FieldsealTestError('the stored term is in no partition');
}

function valueOfText(type: ValueType, text: string): unknown {
  if (type === 'DateTime') return new Date(text);
  if (type === 'BigInt') return BigInt(text);
  return type === 'Int' || type === 'Float' ? Number(text) : text;
}
