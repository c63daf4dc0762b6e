import type { SchemaMap } from '../schema/schema-map.ts';
import { PlaintextGuard } from './plaintext-guard.ts';
import type { ArgumentType } from './stored-value.ts';

/** A statement as Prisma's client hands it to a driver adapter. */
interface Statement {
  readonly sql: string;
  readonly args: readonly unknown[];
  readonly argTypes: readonly (ArgumentType | undefined)[];
}

type Method = (...args: never[]) => unknown;

/** Methods of factories, adapters and transactions that give an adapter or a transaction. */
const OPENING = new Set<PropertyKey>(['connect', 'connectToShadowDb', 'startTransaction']);

/**
 * A driver-adapter factory that refuses what would bring plaintext of annotated columns to the database, whoever sends it: a client that was not
 * extended, `$executeRaw`, a migration script. A second wall behind `encryption()`, which it does not need.
 *
 * Refused are statements that write to an annotated column something else than a cell, a term, NULL or what the column holds; that compare
 * one with plaintext by the usual operators; and those that write to such a table and cannot be understood. All others pass unchanged. What
 * the database itself computes (triggers, procedures, defaults, texts that it puts together and executes) is not seen, nor what DDL brings
 * into rows, nor a driver's connection that is used directly. docs/guard.md has the whole list.
 *
 * @param factory - of any adapter for SQLite, PostgreSQL, MySQL, MariaDB or SQL Server
 * @param schema - the schema map that the fieldseal generator writes
 * @example
 * ```ts
 * const adapter = guardAdapter(new PrismaPg({ connectionString }), schema);
 * const prisma = new PrismaClient({ adapter }).$extends(encryption());
 * ```
 * @throws ERR_OPTIONS for an adapter of another database; later, from statements, ERR_PLAINTEXT before anything was sent
 */
export function guardAdapter<Factory extends object>(factory: Factory, schema: SchemaMap): Factory {
  const { provider } = factory as { readonly provider?: unknown };
  return guarded(factory, new PlaintextGuard(provider, schema), provider === 'postgres');
}

/** @param splits - whether executeScript cuts scripts at every semicolon, as the adapter of PostgreSQL does, those in comments included */
function guarded<Target extends object>(target: Target, guard: PlaintextGuard, splits: boolean): Target {
  const methods = new Map<PropertyKey, unknown>();
  const wrap = (name: PropertyKey, method: Method): Method => {
    const call = method.bind(target) as (...args: unknown[]) => unknown;
    if (name === 'queryRaw' || name === 'executeRaw')
      return async (statement: Statement) => {
        guard.check(statement.sql, statement.args, statement.argTypes);
        return call(statement);
      };
    if (name === 'executeScript')
      return async (script: string) => {
        for (const text of splits ? [script, ...script.split(';')] : [script]) guard.check(text, [], []);
        return call(script);
      };
    if (OPENING.has(name)) return async (...args: unknown[]) => guarded((await call(...args)) as object, guard, splits);
    return call as Method;
  };
  return new Proxy(target, {
    get: (_, name) => {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const method = wrap(name, value as Method);
      methods.set(name, method);
      return method;
    },
  });
}
