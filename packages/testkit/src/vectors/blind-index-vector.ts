import { blindIndexTerm, defineIndex, IndexRoot, SecretBytes } from '@fieldseal/core';
import { deriveIndexKey, formatTerm, indexMac } from '@fieldseal/core/internal';
import { expectSame } from './expect-same.ts';
import type { VectorCase } from './vector-case.ts';

/** Index key and term must come out as given; for one source value also through the function that applications call. */
export function checkBlindIndex(vector: VectorCase): void {
  const root = SecretBytes.copy(vector.bytes('root'));
  const [model, field, name] = [vector.text('model'), vector.text('field'), vector.text('name')];
  const [version, bits, values] = [vector.count('version'), vector.count('bits'), vector.texts('values')];
  const key = deriveIndexKey(root, model, field, name);
  expectSame('the index key', key.expose(), vector.bytes('indexKey'));
  expectSame('the term', formatTerm(version, indexMac(key, values), bits), vector.text('term'));
  const [only] = values;
  if (values.length !== 1 || only === undefined) return;
  const source = { model, field, context: { model, field }, column: 'String', type: 'String', pad: null } as const;
  const index = defineIndex({ model, column: `${field}Index`, name, sources: [source], bits });
  expectSame(
    'the term of the value',
    blindIndexTerm(new IndexRoot('', version, root), index, only),
    vector.text('term'),
  );
}
