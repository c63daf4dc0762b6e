import type { RowSource, SqlDatabase } from '@fieldseal/core/jobs';
import { Random } from '../chaos/random.ts';

/** A database whose connections are lost every now and then: before a statement, before a transaction, and behind its commit. */
export function flaky(database: SqlDatabase): { readonly database: SqlDatabase; statements(): number } {
  const random = new Random(1);
  let statements = 0;
  const trouble = (): void => {
    statements += 1;
    if (random.below(4) === 0) throw Object.assign(new Error('terminating connection'), { code: '57P01' });
  };
  return {
    statements: () => statements,
    database: {
      dialect: database.dialect,
      query: async (...args) => {
        trouble();
        return database.query(...args);
      },
      execute: async (...args) => {
        trouble();
        return database.execute(...args);
      },
      transaction: async (work) => {
        trouble();
        const result = await database.transaction(work);
        trouble(); // it was committed, and nobody was told
        return result;
      },
    },
  };
}

/** The source, with something that happens between the reading of a batch and its writing. */
export function during(source: RowSource, happen: () => Promise<void>): RowSource {
  return {
    model: source.model,
    scope: source.scope,
    fields: source.fields,
    database: {
      dialect: source.database.dialect,
      query: (...args) => source.database.query(...args),
      execute: (...args) => source.database.execute(...args),
      transaction: async (work) => source.database.transaction(work),
    },
    ranges: (rows) => source.ranges(rows),
    read: async (...args) => {
      const rows = await source.read(...args);
      await happen();
      return rows;
    },
    swap: (...args) => source.swap(...args),
    census: (session) => source.census(session),
    fingerprint: (session) => source.fingerprint(session),
  };
}
