import { readFileSync } from 'node:fs';
import { DbNull } from '@prisma/client-runtime-utils';
import { describe, expect, it } from 'vitest';
import { buildSchemaMap } from '../src/schema/build-map.ts';
import { type CompiledModel, compileSchema } from '../src/schema/compiled-schema.ts';
import { parseInlineSchema } from '../src/schema/inline-schema.ts';
import { operationOf, planArguments } from '../src/walk/arguments.ts';
import { BEHAVIOURS, FIELD_KINDS, type FieldKind } from '../src/walk/behaviours.ts';
import { NESTED_WRITES, OPERATIONS } from '../src/walk/grammar.ts';
import { typedError } from './harness.ts';

const INDEX = 'emailIndex String? @unique /// @blindIndex(of: email';

/** The encrypted field of each kind, and its index. */
const FIELDS: Record<FieldKind, string> = {
  none: 'email String? /// @encrypted\nemailIndex String?',
  exact: `email String? /// @encrypted\n${INDEX})`,
  folding: `email String? /// @encrypted\n${INDEX}, normalize: [trim, lowercase])`,
  migrating: `email String? @unique /// @encrypted(mode: migrating)\n${INDEX})`,
  json: 'email Json? /// @encrypted\nemailIndex String?',
  list: 'email String[] /// @encrypted\nemailIndex String?',
  row: `email String? /// @encrypted\n${INDEX})`,
  bound: `email String? /// @encrypted(bind: [id])\n${INDEX})`,
  readonly: `email String? /// @encrypted(mode: readonly)\n${INDEX})`,
  narrow: 'email String? /// @encrypted\nemailIndex String? /// @blindIndex(of: email, bits: 32, partitions: 2)',
  prefix: 'email String? /// @encrypted\nemailIndex String? /// @blindIndex(of: email, kind: prefix, min: 3, max: 3)',
  suffix: 'email String? /// @encrypted\nemailIndex String? /// @blindIndex(of: email, kind: suffix, min: 3, max: 3)',
  ngram: 'email String? /// @encrypted\nemailIndex String[] /// @blindIndex(of: email, kind: ngram, n: 3)',
  range:
    'email String? /// @encrypted(type: Int)\nemailIndex String? /// @blindIndex(of: email, kind: range, from: 0, to: 10000, step: 100)',
};

/** Kinds whose terms are not unique to values. */
const SEARCHED: readonly FieldKind[] = ['narrow', 'prefix', 'suffix', 'ngram', 'range'];

function modelOf(kind: FieldKind): CompiledModel {
  const fields = `id String @id @default(uuid())\nname String?\ncode String? @unique\n${FIELDS[kind]}
    parentId String?\nparent A? @relation("tree", fields: [parentId], references: [id])\nchildren A[] @relation("tree")
    ${SEARCHED.includes(kind) ? '' : '@@unique([code, emailIndex])'}`;
  return compileSchema(buildSchemaMap(parseInlineSchema(`model A {\n${fields}\n}`))).get('A') ?? expect.unreachable();
}

/** A reference to a field, as Prisma makes it. */
class Reference {
  readonly modelName = 'A';
  readonly typeName = 'String';
  readonly isList = false;
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
const fields = { name: new Reference('name'), email: new Reference('email') };

const argumentsOf = (shape: string, kind: FieldKind): unknown =>
  new Function('fields', 'Prisma', 'value', `return { ${shape} }`)(
    fields,
    { DbNull },
    kind === 'range' ? 9000 : '9000',
  );

const CASES = BEHAVIOURS.flatMap(({ rows }) =>
  rows.flatMap(({ operation, shape, verdicts }) =>
    Object.entries(verdicts).map(([kind, verdict]) => ({ operation, shape, kind: kind as FieldKind, verdict })),
  ),
);

describe('every row of the table of behaviours is what the planner does', () => {
  it.each(CASES)('$kind: $operation({ $shape }): $verdict', ({ operation, shape, kind, verdict }) => {
    const model = modelOf(kind);
    const plan = () => planArguments(model, operationOf(model, operation), argumentsOf(shape, kind));
    if (verdict === 'served') expect(plan).not.toThrow();
    else expect(plan).toThrow(typedError(verdict));
  });

  it('and it has a row for every kind of field', () => {
    expect(new Set(CASES.map(({ kind }) => kind))).toEqual(new Set(Object.keys(FIELD_KINDS)));
  });
});

const generated = (path: string) => readFileSync(new URL(`./generated/${path}`, import.meta.url), 'utf8');
const matches = (text: string, pattern: RegExp) =>
  new Set([...text.matchAll(pattern)].map(([, name]) => name as string));

/** Members of an exported type of a generated client. */
function membersOf(text: string, type: string): Set<string> {
  const start = text.indexOf(`export type ${type}`);
  expect(start, type).toBeGreaterThanOrEqual(0);
  return matches(text.slice(start, text.indexOf('\n}', start)), /^ {2}(\w+)\??:/gm);
}

describe("the tables know all that Prisma's generated types do", () => {
  const post = generated('postgresql-client/models/Post.ts');
  const user = generated('postgresql-client/models/User.ts');

  it('operations', () => {
    const delegate = post.slice(post.indexOf('interface PostDelegate'), post.indexOf('interface Prisma__PostClient'));
    expect(matches(delegate, /^\s+(\w+)<\s*T extends/gm)).toEqual(new Set(Object.keys(OPERATIONS)));
  });

  it.each(Object.keys(OPERATIONS))('arguments of %s', (operation) => {
    const name = operation.charAt(0).toUpperCase() + operation.slice(1);
    const type = { groupBy: 'PostGroupByArgs', aggregate: 'PostAggregateArgs', count: 'PostFindManyArgs' }[operation];
    const given = membersOf(post, type ?? `Post${name}Args`);
    if (operation === 'count') for (const argument of ['include', 'omit', 'distinct']) given.delete(argument);
    const known = new Set(Object.keys(OPERATIONS[operation]?.arguments ?? {}));
    for (const set of [given, known]) set.delete('relationLoadStrategy'); // a preview feature, on some operations
    if (operation === 'groupBy') known.delete('cursor'); // walked if it is there; Prisma refuses it
    expect([...given].filter((argument) => !known.has(argument))).toEqual([]);
    expect(
      [...known].filter((argument) => !given.has(argument) && !argument.startsWith('_') && argument !== 'having'),
    ).toEqual([]);
  });

  it('nested writes', () => {
    const list = membersOf(post, 'PostUncheckedUpdateManyWithoutAuthorNestedInput');
    const one = membersOf(user, 'UserUpdateOneWithoutPostsNestedInput');
    expect(new Set([...list, ...one])).toEqual(new Set(Object.keys(NESTED_WRITES)));
  });

  it('operators of filters', () => {
    const text = generated('postgresql-client/commonInputTypes.ts');
    const lists = generated('postgresql-client/models/Lists.ts');
    const operators = new Set([...matches(text, /^ {2}([a-z]\w*)\??:/gm), 'has', 'hasEvery', 'hasSome', 'isEmpty']);
    expect(lists).toContain('NullableListFilter');
    const shapes = BEHAVIOURS.flatMap(({ rows }) => rows.map(({ shape }) => shape)).join('\n');
    expect([...operators].filter((operator) => !new RegExp(`\\b${operator}: `).test(shapes))).toEqual([]);
    expect(operators.size).toBeGreaterThan(20);
  });
});
