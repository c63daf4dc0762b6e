import { createHash } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';
import type { EncryptedFieldMap, SchemaMap } from '../schema/schema-map.ts';

/** Providers of Prisma's datasources that there are constraints for. MariaDB is `mysql`. */
export const CONSTRAINT_PROVIDERS = ['postgresql', 'mysql', 'sqlite'] as const;

/** One of {@link CONSTRAINT_PROVIDERS}. */
export type ConstraintProvider = (typeof CONSTRAINT_PROVIDERS)[number];

/** The smallest cell: 50 bytes (spec/format.md §1), as text behind `fs1:` 67 characters. */
const MIN_BYTES = 50;
const MIN_TEXT = 71;

/** A column and what it must hold. */
interface Constraint {
  readonly table: string;
  readonly schema: string | null;
  readonly column: string;
  readonly name: string;
  /** Given the column in SQL, when a value that is not NULL is right; null where the database cannot say it. */
  readonly condition: ((column: string) => string) | null;
  /** Why there is no constraint. */
  readonly omitted: string | null;
}

/** How the values of columns are looked at. Conditions take case into account, whatever the collation of the column. */
interface Rules {
  readonly String: (column: string) => string;
  readonly Bytes: (column: string) => string;
  readonly Json: (column: string) => string;
  readonly terms: (column: string, length: number) => string;
  readonly lists: Readonly<Partial<Record<EncryptedFieldMap['column'], (column: string) => string>>>;
  /** Lists of terms; null where there are no lists. */
  readonly termLists: ((column: string, length: number) => string) | null;
}

const RULES: Readonly<Record<ConstraintProvider, Rules>> = {
  postgresql: {
    String: (c) => `${c} LIKE 'fs1:%' AND length(${c}) >= ${MIN_TEXT}`,
    Bytes: (c) => `octet_length(${c}) >= ${MIN_BYTES} AND substr(${c}, 1, 1) IN ('\\x11'::bytea, '\\x12'::bytea)`,
    Json: (c) => `${c}::text = 'null' OR (${c}::text LIKE '"fs1:%' AND length(${c}::text) >= ${MIN_TEXT + 2})`,
    terms: (c, length) => `${c} ~ '^[0-9]+[.][0-9a-f]+$' AND length(${c}) >= ${length}`,
    // A CHECK has no subquery, so that elements are looked at as one text. That of bytes hangs on a setting of the connection.
    lists: {
      String: (c) => `cardinality(${c}) = 0 OR (array_to_string(${c}, ',') || ',') ~ '^(fs1:[A-Za-z0-9_-]{67,},)+$'`,
      Json: (c) => `cardinality(${c}) = 0 OR (array_to_string(${c}, ',') || ',') ~ '^("fs1:[A-Za-z0-9_-]{67,}",)+$'`,
    },
    // array_to_string() leaves a NULL out, which no list of terms has.
    termLists: (c, length) =>
      `cardinality(${c}) = 0 OR (array_position(${c}, NULL) IS NULL AND (array_to_string(${c}, ',') || ',') ~ '^([0-9]+[.][0-9a-f]{${length - 2},},)+$')`,
  },
  mysql: {
    String: (c) => `HEX(LEFT(${c}, 4)) = '6673313A' AND LENGTH(${c}) >= ${MIN_TEXT}`,
    Bytes: (c) => `LENGTH(${c}) >= ${MIN_BYTES} AND HEX(LEFT(${c}, 1)) IN ('11', '12')`,
    Json: (c) => `CAST(${c} AS CHAR) = 'null' OR HEX(LEFT(CAST(${c} AS CHAR), 5)) = '226673313A'`,
    terms: (c, length) => `${c} REGEXP '^[0-9]+[.][0-9a-f]+$' AND LENGTH(${c}) >= ${length}`,
    lists: {},
    termLists: null,
  },
  sqlite: {
    String: (c) => `typeof(${c}) = 'text' AND substr(${c}, 1, 4) = 'fs1:' AND length(${c}) >= ${MIN_TEXT}`,
    Bytes: (c) => `typeof(${c}) = 'blob' AND length(${c}) >= ${MIN_BYTES} AND substr(${c}, 1, 1) IN (x'11', x'12')`,
    Json: (c) => `${c} = 'null' OR (substr(${c}, 1, 5) = '"fs1:' AND length(${c}) >= ${MIN_TEXT + 2})`,
    terms: (c, length) => `${c} GLOB '[0-9]*.*' AND ${c} NOT GLOB '*[^0-9a-f.]*' AND length(${c}) >= ${length}`,
    lists: {},
    termLists: null,
  },
};

/**
 * SQL that makes the database itself refuse what is no cell in encrypted columns and no term in index columns: CHECK constraints on PostgreSQL,
 * MySQL and MariaDB, triggers on SQLite. They look at how a value begins and how long it is, not at its keys.
 *
 * Statements end with a semicolon and a line feed; lines that begin with `--` are comments. Constraints of PostgreSQL leave existing rows alone until
 * the VALIDATE statements at the end; on MySQL rows that break them make ALTER TABLE fail. Fields with `mode: migrating` are left out, since
 * they hold plaintext.
 *
 * @param drop - whether the SQL removes them instead
 * @throws ERR_OPTIONS for a provider that is none of {@link CONSTRAINT_PROVIDERS}
 */
export function checkConstraints(schema: SchemaMap, provider: string, drop = false): string {
  if (!isProvider(provider))
    throw new FieldsealError('ERR_OPTIONS', 'there are no constraints for this database', {
      hint: `They are made for ${CONSTRAINT_PROVIDERS.join(', ')}; MariaDB is mysql.`,
    });
  const constraints = constraintsOf(schema, RULES[provider]);
  const quote = provider === 'mysql' ? '`' : '"';
  const named = (name: string) => `${quote}${name.replaceAll(quote, quote + quote)}${quote}`;
  const write = { postgresql, mysql, sqlite }[provider];
  const lines = constraints.flatMap((constraint) => {
    const { column, condition, omitted } = constraint;
    const table = [...(constraint.schema === null ? [] : [constraint.schema]), constraint.table].map(named).join('.');
    if (condition !== null) return write(constraint, table, named, drop);
    return drop ? [] : [`-- ${table}.${named(column)} is left out: ${omitted}`.replaceAll('\n', ' ')];
  });
  const late = lines.filter((line) => line.includes(' VALIDATE CONSTRAINT '));
  const note = '-- These check the rows that are there: run them once all are encrypted.';
  const ordered = [...lines.filter((line) => !late.includes(line)), ...(late.length > 0 ? [note] : []), ...late];
  return ordered.map((line) => `${line}\n`).join('');
}

type Writer = (
  constraint: Constraint,
  table: string,
  named: (name: string) => string,
  drop: boolean,
) => readonly string[];

const postgresql: Writer = ({ name, column, condition }, table, named, drop) => {
  if (drop) return [`ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${named(name)};`];
  const check = `${named(column)} IS NULL OR (${condition?.(named(column))})`;
  return [
    `ALTER TABLE ${table} ADD CONSTRAINT ${named(name)} CHECK (${check}) NOT VALID;`,
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${named(name)};`,
  ];
};

const mysql: Writer = ({ name, column, condition }, table, named, drop) => {
  if (drop) return [`ALTER TABLE ${table} DROP CONSTRAINT ${named(name)};`];
  const check = `${named(column)} IS NULL OR (${condition?.(named(column))})`;
  return [`ALTER TABLE ${table} ADD CONSTRAINT ${named(name)} CHECK (${check});`];
};

/** A CHECK cannot be added to a table of SQLite. */
const sqlite: Writer = ({ name, column, condition }, table, named, drop) =>
  [`insert`, `update`].map((event) => {
    const trigger = named(`${name}_${event}`);
    if (drop) return `DROP TRIGGER IF EXISTS ${trigger};`;
    const value = `NEW.${named(column)}`;
    const on = event === 'insert' ? 'INSERT' : `UPDATE OF ${named(column)}`;
    const broken = `${value} IS NOT NULL AND NOT (${condition?.(value)})`;
    return `CREATE TRIGGER ${trigger} BEFORE ${on} ON ${table} WHEN ${broken} BEGIN SELECT RAISE(ABORT, '${name}'); END;`;
  });

function constraintsOf(schema: SchemaMap, rules: Rules): readonly Constraint[] {
  return Object.values(schema.models).flatMap(({ dbName: table, dbSchema, encrypted, indexes, terms }) => {
    const place = (column: string) => ({
      table,
      schema: dbSchema,
      column,
      name: nameOf([dbSchema ?? '', table, column]),
    });
    const cells = Object.values(encrypted).map((field): Constraint => {
      const { list, column, mode, dbName } = field;
      const rule = (list ? rules.lists[column] : rules[column]) ?? null;
      const omitted =
        mode === 'migrating' ? 'its field is being migrated.' : 'no constraint can look into such a list.';
      return { ...place(dbName), condition: mode === 'migrating' ? null : rule, omitted };
    });
    const beside = Object.values(indexes).filter(({ child }) => child === null);
    const own = beside.map(({ dbName, list, bits }) => ({ dbName, list, bits }));
    const others = Object.values(terms).map(({ dbName, index }) => {
      const { bits = 0 } = schema.models[index.model]?.indexes[index.field] ?? {};
      return { dbName, list: false, bits };
    });
    const held = [...own, ...others].map(({ dbName, list, bits }): Constraint => {
      const rule = list ? rules.termLists : rules.terms;
      const condition = rule === null ? null : (column: string) => rule(column, 2 + Math.ceil(bits / 4));
      return { ...place(dbName), condition, omitted: condition === null ? 'the database has no lists.' : null };
    });
    return [...cells, ...held];
  });
}

/** The same for ever for one column, unlike any other, and short enough for every database. */
function nameOf(place: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(place)).digest('hex').slice(0, 8);
  const column = (place.at(-1) ?? '').replace(/[^A-Za-z0-9_]/g, '').slice(0, 32);
  return `fieldseal_${column}_${hash}`;
}

function isProvider(provider: string): provider is ConstraintProvider {
  return (CONSTRAINT_PROVIDERS as readonly string[]).includes(provider);
}
