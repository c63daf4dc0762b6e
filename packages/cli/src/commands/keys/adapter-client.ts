import type { SqlClient, SqlDialect, SqlValue } from '@fieldseal/core';
import type { Query, Queryable } from '../../doctor/adapter.ts';

/** A driver adapter of the project as a key store takes it. */
export function adapterClient(dialect: SqlDialect, adapter: Queryable): SqlClient {
  const query = (sql: string, args: readonly SqlValue[]): Query => ({
    sql,
    args,
    argTypes: args.map((value) => ({ scalarType: typeof value === 'number' ? 'bigint' : 'string', arity: 'scalar' })),
  });
  return {
    dialect,
    rows: async (sql, values) => {
      const { columnNames, rows } = await adapter.queryRaw(query(sql, values));
      return rows.map((row) => Object.fromEntries(columnNames.map((name, at) => [name, row[at]])));
    },
    execute: (sql, values) => adapter.executeRaw(query(sql, values)),
  };
}
