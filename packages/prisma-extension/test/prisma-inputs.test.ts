import internals from '@prisma/internals';
import { describe, expect, it } from 'vitest';
import {
  COMBINATORS,
  LIST_QUANTIFIERS,
  NESTED_WRITES,
  ONE_QUANTIFIERS,
  OPERATIONS,
  SCALAR_UPDATES,
} from '../src/walk/grammar.ts';
import { OPERATORS } from './matrix/operators.ts';

/** An input type of Prisma's query schema. */
interface Input {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly inputTypes: readonly { readonly type: string }[] }[];
}

/** Names that the query engine has for operations that the client calls otherwise. */
const CLIENT_NAMES: Readonly<Record<string, string>> = {
  createOne: 'create',
  updateOne: 'update',
  upsertOne: 'upsert',
  deleteOne: 'delete',
};

/** Results of an operation that the client takes as arguments: what to compute. */
const COMPUTED = ['_count', '_min', '_max', '_avg', '_sum'];

const FEATURES: Readonly<Record<string, string>> = {
  sqlite: '[]',
  postgresql: '["relationJoins", "fullTextSearchPostgres", "strictUndefinedChecks"]',
  mysql: '["relationJoins", "strictUndefinedChecks"]',
};

const schema = (provider: string) => `
datasource db {
  provider = "${provider}"
}
generator js {
  provider = "prisma-client-js"
  previewFeatures = ${FEATURES[provider]}
}
model Many {
  id       Int      @id @default(autoincrement())
  text     String
  optional String?
  int      Int
  big      BigInt?
  float    Float
  decimal  Decimal
  flag     Boolean?
  date     DateTime
  json     Json?
  bytes    Bytes
  ${provider === 'postgresql' ? 'list String[]\n  jsons Json[]' : ''}
  ones     One[]
  peers    Many[]   @relation("peers")
  fellows  Many[]   @relation("peers")
  @@unique([text, int])
}
model One {
  id     Int   @id
  many   Many? @relation(fields: [manyId], references: [id])
  manyId Int?
  must   Must?
}
model Must {
  id    Int @id
  one   One @relation(fields: [oneId], references: [id])
  oneId Int @unique
}
`;

/** A version of Prisma that brings an operation, an argument or an operator which the walkers do not know fails here. */
describe.each(['sqlite', 'postgresql', 'mysql'])('what Prisma takes on %s is known:', async (provider) => {
  const dmmf = await internals.getDMMF({ datamodel: schema(provider) });
  const inputs = (dmmf.schema.inputObjectTypes.prisma ?? []) as unknown as readonly Input[];
  const named = (pattern: RegExp) => {
    const found = inputs.filter(({ name }) => pattern.test(name));
    expect(found.length).toBeGreaterThan(0);
    return found;
  };
  const fields = new Map(dmmf.datamodel.models.map((model) => [model.name, model.fields.map(({ name }) => name)]));
  const modelOf = (name: string) => ['Many', 'One', 'Must'].find((model) => name.startsWith(model)) as string;

  it('operations and their arguments', () => {
    const roots = dmmf.schema.outputObjectTypes.prisma.filter(({ name }) => name === 'Query' || name === 'Mutation');
    for (const { model, ...operations } of dmmf.mappings.modelOperations) {
      for (const [engineName, rootField] of Object.entries(operations).filter(([name]) => name !== 'plural')) {
        const name = CLIENT_NAMES[engineName] ?? engineName;
        expect(Object.keys(OPERATIONS), `${model}.${name}`).toContain(name);
        const root = roots.flatMap((type) => type.fields).find((field) => field.name === rootField);
        const known = Object.keys(OPERATIONS[name]?.arguments ?? {});
        for (const argument of root?.args ?? []) expect(known, `${model}.${name}`).toContain(argument.name);
        if (name !== 'aggregate' && name !== 'groupBy') continue;
        expect(known).toEqual(expect.arrayContaining(COMPUTED));
      }
    }
    for (const type of dmmf.schema.outputObjectTypes.prisma.filter(({ name }) => /^Aggregate/.test(name)))
      for (const { name } of type.fields) expect(COMPUTED).toContain(name);
  });

  it('nested writes and their parts', () => {
    for (const { name, fields: operations } of named(/Nested(Many|One)|NestedInput$/)) {
      for (const operation of operations) {
        expect(Object.keys(NESTED_WRITES), name).toContain(operation.name);
        const shape = NESTED_WRITES[operation.name];
        if (shape === undefined || typeof shape === 'string') continue;
        const wrapped = operation.inputTypes
          .map(({ type }) => inputs.find((input) => input.name === type))
          .filter((input) => input !== undefined);
        // The bare form of a to-one update is the data itself.
        for (const part of wrapped.filter((input) => !/Update(Without\w+)?Input$|UncheckedUpdate/.test(input.name)))
          for (const { name: key } of part.fields) expect(Object.keys(shape), part.name).toContain(key);
      }
    }
  });

  it('filters: combinations, relations and operators', () => {
    for (const input of named(/(Where|ScalarWhere(WithAggregates)?|WhereUnique)Input$/)) {
      const compounds = input.name === 'ManyWhereUniqueInput' ? ['text_int'] : [];
      const known = [...(fields.get(modelOf(input.name)) ?? []), ...COMBINATORS, ...compounds];
      for (const { name } of input.fields) expect(known, input.name).toContain(name);
    }
    for (const input of named(/ListRelationFilter$/))
      for (const { name } of input.fields) expect(LIST_QUANTIFIERS).toContain(name);
    for (const input of named(/ScalarRelationFilter$/))
      for (const { name } of input.fields) expect(ONE_QUANTIFIERS).toContain(name);
    const operators = named(/Filter$/)
      .filter(({ name }) => !/RelationFilter$/.test(name))
      .flatMap((input) => input.fields.map(({ name }) => name));
    for (const operator of new Set(operators))
      expect([...Object.keys(OPERATORS), ...COMPUTED], operator).toContain(operator);
  });

  it('updates of scalar fields, orders', () => {
    for (const input of named(/FieldUpdateOperationsInput$|Update\w+Input$/).filter(
      ({ name }) => !/^(Many|One|Must)(Unchecked)?Update/.test(name),
    ))
      for (const { name } of input.fields) expect(SCALAR_UPDATES, input.name).toContain(name);
    for (const input of named(/OrderBy\w*Input$/)) {
      const model = fields.get(modelOf(input.name)) ?? [];
      const known = [
        ...model,
        '_count',
        '_min',
        '_max',
        '_avg',
        '_sum',
        '_relevance',
        'sort',
        'nulls',
        'fields',
        'search',
      ];
      for (const { name } of input.fields) expect(known, input.name).toContain(name);
    }
  });
});
