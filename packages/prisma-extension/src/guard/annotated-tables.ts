import type { ColumnType } from '@fieldseal/core';
import type { ModelMap, SchemaMap } from '../schema/schema-map.ts';
import type { Token } from './tokens.ts';

/** A column that holds cells or the terms of a blind index. */
export interface AnnotatedColumn {
  /** Model of schema.prisma. */
  readonly model: string;
  /** Field of the model. */
  readonly field: string;
  /** Name in the database. */
  readonly name: string;
  readonly holds: 'cells' | 'terms';
  readonly type: ColumnType;
  readonly list: boolean;
  /** Whether rows may hold plaintext still, which queries then look for. */
  readonly migrating: boolean;
}

/** A table with such columns. */
export interface AnnotatedTable {
  /** Name in the database. */
  readonly name: string;
  /** Schema in the database, or null for that of the connection. */
  readonly schema: string | null;
  readonly columns: readonly AnnotatedColumn[];
}

/** The annotated tables of a schema, by their names in the database. */
export class AnnotatedTables {
  readonly #tables: readonly AnnotatedTable[];
  readonly #byName = new Map<string, AnnotatedTable[]>();
  readonly #exact: boolean;

  /** @param exact - whether quoted names are those names in exactly this case */
  constructor(map: SchemaMap, exact: boolean) {
    this.#exact = exact;
    this.#tables = Object.entries(map.models).flatMap(([model, modelMap]) => {
      const { dbName: name, dbSchema: schema, encrypted, indexes, terms } = modelMap;
      // Plaintext is what is written to a field that leaves encryption.
      const guarded = Object.entries(encrypted).filter(([, { leaving }]) => leaving !== true);
      const cells = guarded.map(([field, { dbName, column, list, mode }]): AnnotatedColumn => {
        return { model, field, name: dbName, holds: 'cells', type: column, list, migrating: mode === 'migrating' };
      });
      const beside = Object.entries(indexes).filter(([, { child }]) => child === null);
      const columns = [...beside.map(([field, { dbName, list }]) => ({ field, dbName, list })), ...tableColumns(terms)];
      const held = columns.map(({ field, dbName, list }): AnnotatedColumn => {
        return { model, field, name: dbName, holds: 'terms', type: 'String', list, migrating: false };
      });
      return cells.length + held.length === 0 ? [] : [{ name, schema, columns: [...cells, ...held] }];
    });
    for (const table of this.#tables) {
      const key = table.name.toLowerCase();
      this.#byName.set(key, [...(this.#byName.get(key) ?? []), table]);
    }
  }

  /** Any of the tables: the one to report where every one could be meant. */
  get first(): AnnotatedTable | undefined {
    return this.#tables[0];
  }

  /** A name or an alias as the database compares it. */
  fold({ kind, text }: Token): string {
    return this.#exact && kind === 'name' ? text : text.toLowerCase();
  }

  /** Tables that a name may mean, the parts of which end with the table. Empty for a table without annotations. */
  find(name: readonly Token[]): readonly AnnotatedTable[] {
    const [schema, table] = name.length > 1 ? name.slice(-2) : [undefined, name[0]];
    if (table === undefined) return [];
    const found = this.#byName.get(table.text.toLowerCase());
    if (found === undefined) return [];
    return found.filter(
      (each) =>
        this.isName(table, each.name) &&
        (schema === undefined || schema.text === '' || each.schema === null || this.isName(schema, each.schema)),
    );
  }

  /** The annotated column that a name means in one of these tables. */
  column(tables: readonly AnnotatedTable[], name: Token): AnnotatedColumn | undefined {
    for (const { columns } of tables) {
      const found = columns.find((column) => this.isName(name, column.name));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Whether a token is the name. An unquoted one is in any case: databases differ in how they fold it, and a wrong match refuses. */
  isName(token: Token, name: string): boolean {
    if (token.text === name) return true;
    if (this.#exact && token.kind === 'name') return false;
    return token.text.toLowerCase() === name.toLowerCase();
  }

  /** The first table whose name stands anywhere in a text, for texts that cannot be read. */
  namedIn(text: string): AnnotatedTable | undefined {
    const lower = text.toLowerCase();
    return this.#tables.find(({ name }) => lower.includes(name.toLowerCase()));
  }
}

/** Columns of a table of terms. */
function tableColumns(terms: ModelMap['terms']): { field: string; dbName: string; list: boolean }[] {
  return Object.entries(terms).map(([field, { dbName }]) => ({ field, dbName, list: false }));
}
