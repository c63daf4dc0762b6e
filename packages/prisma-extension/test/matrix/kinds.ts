import { APPLICATION_SCOPE, type FieldCipher, type Keyring } from '@fieldseal/core';
import { type CompiledModel, compileSchema } from '../../src/schema/compiled-schema.ts';
import { readSchemaMap } from '../../src/schema/read-schema.ts';
import { operationOf, planArguments } from '../../src/walk/arguments.ts';
import { type Arguments, FIND, NESTED_WRITES, OPERATIONS, type Rule } from '../../src/walk/grammar.ts';

/** One model with a field of every kind, between a model that has many of it and one that has one. */
const SCHEMA = `datasource db {
  provider = "postgresql"
}
model Owner {
  id    String @id
  kinds Kind[]
}
model Kind {
  id         String  @id @default(uuid())
  plain      String?
  ownerId    String?
  owner      Owner?  @relation(fields: [ownerId], references: [id])
  parts      Part[]
  /// @encrypted
  exact      String?
  /// @blindIndex(of: exact)
  exactIndex String? @unique
  /// @encrypted
  folded     String?
  /// @blindIndex(of: folded, normalize: [trim, lowercase])
  foldedIndex String?
  /// @encrypted
  several    String?
  /// @blindIndex(of: several)
  severalIndex String?
  /// @blindIndex(of: several, normalize: [digits])
  severalDigits String?
  /// @encrypted
  none       String?
  /// @encrypted(type: Int)
  typed      String?
  /// @blindIndex(of: typed)
  typedIndex String?
  /// @encrypted(type: DateTime)
  date       String?
  /// @blindIndex(of: date)
  dateIndex  String?
  /// @encrypted(bind: [id])
  bound      String?
  /// @blindIndex(of: bound)
  boundIndex String?
  /// @encrypted(mode: readonly)
  readonly   String?
  /// @blindIndex(of: readonly)
  readonlyIndex String?
  /// @encrypted(mode: migrating)
  migrating  String? @unique
  /// @blindIndex(of: migrating)
  migratingIndex String? @unique
  /// @encrypted
  list       String[]
  /// @encrypted
  truncated  String?
  /// @blindIndex(of: truncated, bits: 16)
  truncatedIndex String?
  /// @encrypted
  partitioned String?
  /// @blindIndex(of: partitioned, partitions: 3)
  partitionedIndex String?
  /// @encrypted
  grams      String?
  /// @blindIndex(of: grams, kind: ngram, n: 3)
  gramsIndex String[]
  /// @encrypted
  ends       String?
  /// @blindIndex(of: ends, kind: suffix, min: 2, max: 5)
  endsIndex  EndTerm[]
  /// @encrypted
  begins     String?
  /// @blindIndex(of: begins, kind: prefix, min: 4, max: 4)
  beginsIndex String?
  /// @encrypted(type: Int)
  ranged     String?
  /// @blindIndex(of: ranged, kind: range, from: 0, to: 2000000000, step: 10000000)
  rangedIndex String?
  /// @encrypted
  json       Json?
  /// @encrypted
  bytes      Bytes?
  @@unique([plain, exactIndex], name: "pair")
}
model EndTerm {
  id     Int    @id @default(autoincrement())
  term   String
  kindId String
  kind   Kind   @relation(fields: [kindId], references: [id], onDelete: Cascade)
}
model Part {
  id     String  @id
  kindId String?
  kind   Kind?   @relation(fields: [kindId], references: [id])
}
`;

/** A kind of encrypted field, its value, and what is known of it. */
export interface Kind {
  readonly field: string;
  readonly value: unknown;
  /** What would stand in arguments that hold the value in the clear. */
  readonly canary: string;
  readonly indexed: boolean;
  readonly writable: boolean;
  /** Whether its plaintext may stand in a filter, by design. */
  readonly migrating: boolean;
}

const text = 'CANARY-7f3a';
const kind = (field: string, given: Partial<Kind> = {}): Kind => ({
  field,
  value: text,
  canary: text,
  indexed: true,
  writable: true,
  migrating: false,
  ...given,
});

export const KINDS: readonly Kind[] = [
  kind('exact'),
  kind('folded'),
  kind('several'),
  kind('none', { indexed: false }),
  kind('typed', { value: 1_234_567_891, canary: '1234567891' }),
  kind('date', { value: new Date('2001-02-03T04:05:06.789Z'), canary: '2001-02-03T04:05:06.789Z' }),
  kind('bound'),
  kind('readonly', { writable: false }),
  kind('migrating', { migrating: true }),
  kind('list', { indexed: false }),
  kind('json', { indexed: false }),
  kind('bytes', {
    value: Uint8Array.from(Buffer.from(text)),
    canary: Buffer.from(text).toString('hex'),
    indexed: false,
  }),
];

/** A field whose index is of another kind than whole equality, with the operators that it serves. */
export interface SearchedKind extends Kind {
  readonly serves: readonly string[];
}

const EQUALITY: readonly string[] = ['equals', 'not', 'in', 'notIn', 'implicit'];

export const SEARCHED_KINDS: readonly SearchedKind[] = [
  { ...kind('truncated'), serves: EQUALITY },
  { ...kind('partitioned'), serves: EQUALITY },
  { ...kind('grams'), serves: [...EQUALITY, 'contains', 'startsWith', 'endsWith'] },
  { ...kind('ends'), serves: [...EQUALITY, 'endsWith'] },
  { ...kind('begins'), serves: [...EQUALITY, 'startsWith'] },
  {
    ...kind('ranged', { value: 1_234_567_891, canary: '1234567891' }),
    serves: [...EQUALITY, 'gt', 'gte', 'lt', 'lte'],
  },
];

const models = compileSchema(readSchemaMap(SCHEMA));

/** A place in a query, with what stands there put in. */
export interface Position {
  readonly name: string;
  readonly rule: Rule;
  /** Whether a filter there must name a row by a unique field. */
  readonly call: (inside: unknown) => {
    readonly model: string;
    readonly operation: string;
    readonly args: Record<string, unknown>;
  };
}

const at = (
  name: string,
  rule: Rule,
  model: string,
  operation: string,
  args: (inside: unknown) => Record<string, unknown>,
): Position => ({
  name,
  rule,
  call: (inside) => ({ model, operation, args: args(inside) }),
});

/** Places of each rule inside arguments that the grammar describes. */
function inArguments(
  prefix: string,
  grammar: Arguments,
  model: string,
  operation: string,
  wrap: (args: Record<string, unknown>) => Record<string, unknown>,
): Position[] {
  return Object.entries(grammar).map(([argument, rule]) =>
    at(`${prefix}.${argument}`, rule, model, operation, (inside) =>
      wrap({ ...(rule === 'update' ? { where: { id: 'k' } } : {}), [argument]: inside }),
    ),
  );
}

const nested = Object.entries(NESTED_WRITES).flatMap(([write, shape]): Position[] => {
  const owner = (item: unknown) => ({ where: { id: 'o' }, data: { kinds: { [write]: item } } });
  const part = (item: unknown) => ({ where: { id: 'p' }, data: { kind: { [write]: item } } });
  if (typeof shape === 'string') {
    return [
      at(`owner.kinds.${write}`, shape, 'Owner', 'update', owner),
      at(`owner.kinds.${write}[]`, shape, 'Owner', 'update', (inside) => owner([inside])),
      at(`part.kind.${write}`, shape, 'Part', 'update', part),
    ];
  }
  return [
    ...inArguments(`owner.kinds.${write}`, shape, 'Owner', 'update', owner),
    ...inArguments(`owner.kinds.${write}[]`, shape, 'Owner', 'update', (item) => owner([item])),
    ...inArguments(`part.kind.${write}`, shape, 'Part', 'update', part),
    ...inArguments(`upsert of owner.kinds.${write}`, shape, 'Owner', 'upsert', (item) => ({
      where: { id: 'o' },
      create: { id: 'o' },
      update: { kinds: { [write]: item } },
    })),
  ];
});

/** Every place of every rule: at the top of each operation, in select and include, and in nested writes. */
const PLACES: readonly Position[] = [
  ...Object.entries(OPERATIONS).flatMap(([operation, { arguments: grammar }]) =>
    inArguments(operation, grammar, 'Kind', operation, (args) => args),
  ),
  ...['select', 'include'].flatMap((word) => [
    ...inArguments(`${word}.kinds`, FIND, 'Owner', 'findMany', (args) => ({ [word]: { kinds: args } })),
    ...inArguments(`${word}.kind.owner.kinds`, FIND, 'Part', 'findFirst', (args) => ({
      [word]: { kind: { [word]: { owner: { [word]: { kinds: args } } } } },
    })),
    at(`${word}._count`, 'where', 'Owner', 'findMany', (inside) => ({
      [word]: { _count: { select: { kinds: { where: inside } } } },
    })),
  ]),
  ...nested,
];

/** Places of one of these rules. */
export function placesOf(...rules: Rule[]): readonly Position[] {
  return PLACES.filter(({ rule }) => rules.includes(rule));
}

type Wrap = (filter: unknown) => { readonly filter: unknown; readonly model: string };
const same = (filter: unknown) => ({ filter, model: 'Kind' });

/** Ways in which a filter stands inside another one, and the model of that. */
export const WRAPPINGS: Readonly<Record<string, Wrap>> = {
  alone: same,
  AND: (filter) => same({ AND: filter }),
  'AND[]': (filter) => same({ AND: [{ plain: 'x' }, filter] }),
  OR: (filter) => same({ OR: [filter, { plain: 'x' }] }),
  NOT: (filter) => same({ NOT: filter }),
  'NOT[]': (filter) => same({ NOT: [filter] }),
  'OR in AND in NOT': (filter) => same({ NOT: { AND: [{ OR: [filter] }] } }),
  some: (filter) => ({ filter: { kinds: { some: filter } }, model: 'Owner' }),
  every: (filter) => ({ filter: { kinds: { every: filter } }, model: 'Owner' }),
  none: (filter) => ({ filter: { kinds: { none: filter } }, model: 'Owner' }),
  is: (filter) => ({ filter: { kind: { is: filter } }, model: 'Part' }),
  isNot: (filter) => ({ filter: { kind: { isNot: filter } }, model: 'Part' }),
  'implicit is': (filter) => ({ filter: { kind: filter }, model: 'Part' }),
  'back and forth': (filter) => same({ owner: { kinds: { some: { parts: { none: { kind: { NOT: filter } } } } } } }),
};

/** The model of this name. */
export function modelOf(name: string): CompiledModel {
  const model = models.get(name);
  if (model === undefined) throw new Error(`no model ${name}`);
  return model;
}

/** Plans a query and does what the plan says, as the extension does before it sends anything. Gives the arguments that would be sent. */
export function sent(
  cipher: FieldCipher,
  keyring: Keyring,
  { model, operation, args }: ReturnType<Position['call']>,
): unknown {
  const plan = planArguments(modelOf(model), operationOf(modelOf(model), operation), args);
  const view = keyring.peek(APPLICATION_SCOPE);
  if (view === undefined) throw new Error('the keyring is open');
  plan.apply(cipher, () => view);
  return plan.secondWhere === null ? args : [args, plan.secondWhere];
}

/** Arguments as text, in which every value of a canary would show. */
export function shown(args: unknown): string {
  return (
    JSON.stringify(args, (_, member: unknown) =>
      member instanceof Uint8Array ? Buffer.from(member).toString('hex') : member,
    ) ?? ''
  );
}
