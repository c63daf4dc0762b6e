import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bareClientOf,
  clientWithin,
  fluentPathOf,
  hasExtension,
  inlineSchemaOf,
  providerOf,
  runtimeModelsOf,
  transactionOf,
} from '../src/client-internals.ts';
import { schemaMapFor } from '../src/schema/from-client.ts';
import type { SchemaMap } from '../src/schema/schema-map.ts';
import { schema as mysqlMap } from './generated/mysql-map/fieldseal-schema.ts';
import { schema as postgresqlMap } from './generated/postgresql-map/fieldseal-schema.ts';
import { schema as sqliteMap } from './generated/sqlite-map/fieldseal-schema.ts';
import { openDatabase, stopServers, TARGETS, type TestDatabase } from './harness.ts';

afterAll(stopServers);

const MAPS = { sqlite: sqliteMap, postgresql: postgresqlMap, mysql: mysqlMap };

/** What the extension takes from Prisma's private properties: a version that changes one of them fails here. */
describe.each(TARGETS)('private properties of $database with prisma-$generator', (target) => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await openDatabase(target);
  });
  afterAll(() => test.close());

  const given = (): SchemaMap => structuredClone(MAPS[target.database]);

  it('shows the schema text, on extended clients too', () => {
    expect(inlineSchemaOf(test.plain)).toContain('/// @blindIndex(of: email');
    expect(inlineSchemaOf(test.db)).toBe(inlineSchemaOf(test.plain));
    expect(inlineSchemaOf({})).toBeNull();
  });

  it('shows models with fields, kinds and types', () => {
    const user = runtimeModelsOf(test.plain)['User'];
    expect(user?.fields).toContainEqual(expect.objectContaining({ name: 'email', kind: 'scalar', type: 'String' }));
    expect(user?.fields).toContainEqual(expect.objectContaining({ name: 'posts', kind: 'object', type: 'Post' }));
    expect(() => runtimeModelsOf({})).toThrow(expect.objectContaining({ code: 'ERR_SCHEMA' }));
  });

  it('shows the extensions that were applied', () => {
    const between = test.db.$extends({ name: 'other' });
    expect(hasExtension(test.plain, 'fieldseal')).toBe(false);
    expect(hasExtension(test.db, 'fieldseal')).toBe(true);
    expect(hasExtension(between, 'fieldseal')).toBe(true);
    expect(hasExtension(between, 'others')).toBe(false);
  });

  it('shows the path of fluent calls', async () => {
    const paths: (readonly string[])[] = [];
    const spy = test.plain.$extends({
      query: {
        $allModels: {
          $allOperations(params) {
            paths.push(fluentPathOf(params));
            return params.query(params.args);
          },
        },
      },
    });
    await spy.user.findFirst();
    await spy.user.findFirst().posts();
    await spy.comment.findFirst().post().author();
    expect(paths).toEqual([[], ['posts'], ['post', 'author']]);
  });

  it('shows the database, and the client behind all extensions, in transactions too', async () => {
    expect(providerOf(test.db)).toBe(target.database);
    expect(providerOf({})).toBe('');
    const seen: string[] = [];
    let transaction: object | undefined;
    const spy = test.plain.$extends({
      query: {
        $allModels: {
          $allOperations(params) {
            seen.push(params.operation);
            transaction = transactionOf(params);
            return params.query(params.args);
          },
        },
      },
    });
    const bare = bareClientOf(spy) as typeof test.plain;
    await spy.$transaction(async (tx) => {
      await tx.tag.create({ data: { name: 'bare' } });
      expect(await clientWithin(bare, transaction).tag.count()).toBe(1);
      await tx.tag.deleteMany();
    });
    expect(await bare.tag.count()).toBe(0);
    expect(seen).toEqual(['create', 'deleteMany']);
    expect(() => bareClientOf({})).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  });

  it('takes a generated map that fits, and refuses one that does not', () => {
    expect(schemaMapFor(test.plain, given())).toEqual(schemaMapFor(test.plain, undefined));
    const changes: [path: string, value: unknown][] = [
      ['Post', undefined],
      ['User.encrypted.email', undefined],
      ['User.encrypted.ssn.pad', 64],
      ['User.indexes.emailIndex.normalize', []],
      ['User.fields.name', undefined],
      ['User.fields.posts', 'Post'],
    ];
    for (const [path, value] of changes) {
      expect(() => schemaMapFor(test.plain, altered(given(), path, value))).toThrow(
        expect.objectContaining({ code: 'ERR_SCHEMA_STALE' }),
      );
    }
  });

  it('fails closed when the schema text is missing or hides a field', () => {
    const runtime = { _runtimeDataModel: { models: runtimeModelsOf(test.plain) } };
    const without = { ...runtime, _engineConfig: {} };
    expect(() => schemaMapFor(without, undefined)).toThrow(expect.objectContaining({ code: 'ERR_SCHEMA' }));
    expect(schemaMapFor(without, given())).toEqual(given());
    const renamed = altered(given(), 'User.fields.name', undefined);
    expect(() => schemaMapFor(without, renamed)).toThrow(
      expect.objectContaining({ code: 'ERR_SCHEMA_STALE', field: 'name' }),
    );
    expect(() => schemaMapFor(without, { ...given(), models: {} })).toThrow(
      expect.objectContaining({ code: 'ERR_SCHEMA_STALE' }),
    );
    const extra = altered(given(), 'User.fields.title', 'String');
    expect(() => schemaMapFor(without, extra)).toThrow(
      expect.objectContaining({ code: 'ERR_SCHEMA_STALE', field: 'title' }),
    );
    const inlineSchema = (inlineSchemaOf(test.plain) ?? '').replace(/^ {2}title .*$/m, '');
    expect(() => schemaMapFor({ ...runtime, _engineConfig: { inlineSchema } }, undefined)).toThrow(
      expect.objectContaining({ code: 'ERR_SCHEMA_STALE', field: 'title' }),
    );
  });

  it('tells in P2025 whether the row itself was missed or one of a nested write', async () => {
    const { id } = await test.plain.user.create({ data: { name: 'n', email: 'p2025@x' } });
    const missed = async (args: object) => {
      const error = await test.plain.user.update(args as never).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'P2025' });
      return (error as { meta: Record<string, unknown> }).meta['relation'];
    };
    expect(await missed({ where: { id: 'nobody' }, data: { name: 'x' } })).toBeUndefined();
    for (const org of [{ update: { name: 'x' } }, { connect: { id: 'nobody' } }])
      expect(await missed({ where: { id }, data: { org } })).toBeDefined();
    await test.plain.user.delete({ where: { id } });
  });
});

/** A copy of the map with one member below `models` replaced, or removed by undefined. */
function altered(map: SchemaMap, path: string, value: unknown): SchemaMap {
  const copy = structuredClone(map);
  const names = path.split('.');
  const last = names.pop() as string;
  let at = copy.models as Record<string, unknown>;
  for (const name of names) at = at[name] as Record<string, unknown>;
  at[last] = value;
  return copy;
}
