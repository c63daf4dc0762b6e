/**
 * Errors of violated unique constraints. The database names the column or the constraint that holds index terms; applications know the fields
 * behind it.
 *
 * @module
 */
import { isPrismaError, type PrismaError } from './prisma-error.ts';
import type { ModelMap, SchemaMap } from './schema/schema-map.ts';
import { isDictionary } from './walk/value-kind.ts';

/** Prisma's code for a violated unique constraint. */
const VIOLATED = 'P2002';

/** Operations that can violate one. */
const WRITES: readonly string[] = [
  'create',
  'createMany',
  'createManyAndReturn',
  'update',
  'updateMany',
  'updateManyAndReturn',
  'upsert',
];

/** Characters of the longest name that a database takes; Prisma cuts the names of constraints to fit. */
const NAME_LIMITS: readonly number[] = [63, 64];

/** A unique constraint that holds terms. */
interface Constraint {
  readonly table: string;
  /** Columns in the database. */
  readonly columns: readonly string[];
  /** Names that Prisma gives the constraint unless the schema does. */
  readonly names: readonly string[];
  /** Fields of the model that it is about. */
  readonly fields: readonly string[];
}

/** Translates errors of one schema. */
export class UniqueErrors {
  readonly #constraints: readonly Constraint[];

  constructor(map: SchemaMap) {
    this.#constraints = Object.values(map.models).flatMap(constraintsOf);
  }

  /** Whether an operation can violate a constraint that holds terms. */
  concern(operation: string): boolean {
    return this.#constraints.length > 0 && WRITES.includes(operation);
  }

  /**
   * Runs a write. If a constraint that holds terms was violated, the error names the fields that the terms are made of: in `meta.target`, in
   * the error of the driver adapter where this names columns, and in its message. Its class and code stay.
   */
  async naming(run: () => Promise<unknown>): Promise<unknown> {
    try {
      return await run();
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** The same error with names that the application knows. */
  #named(error: unknown): unknown {
    if (!isPrismaError(error, 'PrismaClientKnownRequestError') || error.code !== VIOLATED) return error;
    const adapter = error.meta?.['driverAdapterError'];
    const cause = (adapter as { readonly cause?: unknown } | undefined)?.cause;
    if (!isDictionary(cause) || !isDictionary(cause['constraint'])) return error;
    const { constraint: violated, table } = cause;
    const constraint = this.#constraints.find((candidate) => isViolated(candidate, table, violated as Dictionary));
    return constraint === undefined ? error : rename(error, violated as Dictionary, constraint.fields);
  }
}

type Dictionary = Record<string, unknown>;

function constraintsOf({ dbName: table, indexes, compounds }: ModelMap): Constraint[] {
  const constraint = (members: readonly string[]): Constraint => {
    const columns = members.map(
      (member) => (Object.hasOwn(indexes, member) ? indexes[member]?.dbName : undefined) ?? member,
    );
    const base = `${table}_${columns.join('_')}`;
    return {
      table,
      columns,
      names: NAME_LIMITS.map((limit) => `${base.slice(0, limit - '_key'.length)}_key`),
      fields: members.flatMap((member) => (Object.hasOwn(indexes, member) ? (indexes[member]?.of ?? []) : [member])),
    };
  };
  const own = Object.entries(indexes).flatMap(([column, { unique }]) => (unique ? [constraint([column])] : []));
  const shared = Object.values(compounds).filter((members) => members.some((member) => Object.hasOwn(indexes, member)));
  return [...own, ...shared.map(constraint)];
}

/** SQLite names the columns, PostgreSQL and MySQL the constraint; MySQL does not say of which table. */
function isViolated({ table, columns, names }: Constraint, given: unknown, violated: Dictionary): boolean {
  if (typeof given === 'string' && given !== table) return false;
  const { fields, index } = violated;
  if (typeof index === 'string') return names.includes(index);
  return (
    Array.isArray(fields) && fields.length === columns.length && columns.every((column) => fields.includes(column))
  );
}

function rename(
  error: { -readonly [Member in keyof PrismaError]: PrismaError[Member] },
  violated: Dictionary,
  fields: readonly string[],
): Error {
  if (Array.isArray(violated['fields'])) violated['fields'] = [...fields];
  error.meta = { ...error.meta, target: [...fields] };
  const names = fields.map((field) => `\`${field}\``).join(',');
  const message = error.message.replace(
    /Unique constraint failed on the [^\n]*$/,
    () => `Unique constraint failed on the fields: (${names})`,
  );
  const { stack = '' } = error;
  error.stack = stack.replace(error.message, () => message);
  error.message = message;
  return error;
}
