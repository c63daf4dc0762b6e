import { describe, expect, it } from 'vitest';
import { modelTable } from '../src/row-source/model-table.ts';
import { compileSchema } from '../src/schema/compiled-schema.ts';
import { readSchemaMap } from '../src/schema/read-schema.ts';
import { QueryScope } from '../src/scope-context.ts';
import { operationOf, planArguments } from '../src/walk/arguments.ts';
import { typedError } from './harness.ts';

const schema = (models: string, provider = 'postgresql') => `datasource db {\n  provider = "${provider}"\n}\n${models}`;

/** A model with these lines besides an encrypted field. */
const model = (lines: string, rest = '') =>
  schema(`model A {\n  key Int @id\n${lines}\n  /// @encrypted\n  secret String?\n}\n${rest}`);

describe('@scope', () => {
  it.each([
    ['a relation', '  /// @scope\n  b B @relation(fields: [bId], references: [id])\n  bId Int', /not of type/],
    ['an optional column', '  /// @scope\n  tenant String?', /may be NULL/],
    ['a list', '  /// @scope\n  tenant String[]', /not of type/],
    ['bytes', '  /// @scope\n  tenant Bytes', /not of type/],
    ['a time', '  /// @scope\n  tenant DateTime', /not of type/],
    ['a padded column', '  /// @scope\n  tenant String @db.Char(8)', /another text/],
    ['two columns', '  /// @scope\n  tenant String\n  /// @scope\n  other String', /one @scope/],
    ['an encrypted column', '  /// @scope\n  /// @encrypted\n  tenant String', /one annotation/],
    ['arguments', '  /// @scope(of: x)\n  tenant String', /no argument/],
  ])('refuses %s', (_, lines, message) => {
    expect(() => readSchemaMap(model(lines, 'model B {\n  id Int @id\n  as A[]\n}'))).toThrow(message);
  });

  it('refuses a model without encrypted fields, an id that the database makes, and a binding to it', () => {
    expect(() => readSchemaMap(schema('model A {\n  id Int @id\n  /// @scope\n  tenant String\n}'))).toThrow(
      /has none/,
    );
    const secret = '  /// @encrypted\n  secret String?\n';
    expect(() =>
      readSchemaMap(schema(`model A {\n  /// @scope\n  id Int @id @default(autoincrement())\n${secret}}`)),
    ).toThrow(/made by the database/);
    expect(() =>
      readSchemaMap(
        schema(`model A {\n  id Int @id\n  /// @scope\n  t String\n  /// @encrypted(bind: [t])\n  s String\n}`),
      ),
    ).toThrow(/annotated/);
  });

  it('is read by jobs with each row, by its name in the database', () => {
    const text = model('  /// @scope\n  tenant String @map("tenant_id")');
    expect(modelTable({ schema: text, model: 'A' }).scope).toMatchObject({ name: 'tenant_id' });
    expect(modelTable({ schema: text.replace('/// @scope', ''), model: 'A' }).scope).toBeNull();
  });

  it('knows the relations that its column is stored for, whatever their names', () => {
    const map = readSchemaMap(
      schema(`model Tenant {
  id String @id @default(uuid())
  mine Doc[] @relation("owner")
  seen Doc[] @relation("reader")
  users User[]
}
model User {
  id String
  tenantId String
  tenant Tenant @relation(fields: [tenantId], references: [id], map: "a_key")
  docs Doc[]
  @@id([tenantId, id])
}
model Doc {
  id Int @id
  /// @scope
  tenantId String
  tenant Tenant @relation(name: "owner", fields: [tenantId], references: [id])
  readerId String
  reader Tenant @relation("reader", fields: [readerId], references: [id])
  userId String
  user User @relation(fields: [tenantId, userId], references: [tenantId, id])
  /// @encrypted
  secret String
}`),
    );
    expect(map.models['Doc']?.scope).toEqual({
      dbName: 'tenantId',
      type: 'String',
      make: null,
      spelling: 'any',
      field: 'tenantId',
      relations: [
        { field: 'tenant', model: 'Tenant', from: 'id', back: 'mine', alone: true },
        { field: 'user', model: 'User', from: 'tenantId', back: 'docs', alone: false },
      ],
      stored: ['tenant', 'reader', 'user'],
    });
    expect(map.models['Tenant']?.scopeSources).toMatchObject({ id: { make: 'uuid(4)' } });
    expect(map.models['User']?.scopeSources).toMatchObject({ tenantId: { make: null } });
  });
});

describe('on a database that folds case', () => {
  const compiled = compileSchema(
    readSchemaMap(
      schema(
        'model A {\n  id Int @id\n  /// @scope\n  tenant String\n  /// @encrypted\n  secret String? @db.Text\n}',
        'mysql',
      ),
    ),
  );
  const A = compiled.get('A') ?? expect.unreachable();
  const plan = (operation: string, args: object, scope?: string) => () =>
    planArguments(A, operationOf(A, operation), args, new QueryScope(scope));

  it('a scope has one spelling', () => {
    const upper = { id: 1, tenant: 'A', secret: 'x' };
    expect(plan('create', { data: upper })).toThrow(typedError('ERR_SCOPE_CONFLICT') as never);
    expect(plan('create', { data: { id: 1, secret: 'x' } }, 'A')).toThrow(typedError('ERR_SCOPE_CONFLICT') as never);
    const update = { where: { id: 1, tenant: 'A' }, data: { secret: 'x' } };
    expect(plan('update', update)).toThrow(typedError('ERR_SCOPE_CONFLICT') as never);
    expect(plan('create', { data: { ...upper, tenant: 'a' } })).not.toThrow();
    expect(plan('findMany', { where: { tenant: 'A' }, select: { id: true } })).not.toThrow();
  });
});
