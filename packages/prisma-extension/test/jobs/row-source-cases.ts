import { randomUUID } from 'node:crypto';
import type { RowKey, SqlDialect } from '@fieldseal/core/jobs';
import { type RowSourceFixture, rowSourceContract } from '@fieldseal/testkit';
import { describe, it } from 'vitest';
import type { JobDatabase } from './job-database.ts';

/** The contract of row sources, over ids of one and of two columns. */
export function rowSourceCases(dialect: SqlDialect, opened: () => JobDatabase): void {
  const patients = async (): Promise<RowSourceFixture> => {
    await opened().clear();
    const where = `WHERE "id" = ?${dialect === 'postgresql' ? '::uuid' : ''}`;
    const table = `"patients of 'today'"`;
    const id = (key: RowKey): string => key[0] as string;
    return {
      source: opened().source('Patient'),
      insert: async (values) => {
        if (values.length === 0) return;
        const row = (): string =>
          `('${randomUUID()}', 'Ada', ?, '2026-01-02 03:04:05.678901', X'00ff', ?${dialect === 'postgresql' ? '::jsonb' : ''})`;
        await opened().run(
          `INSERT INTO ${table} ("id", "name", "email", "updatedAt", "photo", "profile") VALUES ${values.map(row).join(', ')}`,
          ...values.flatMap((value) => [value, '{"a": 1.50}']),
        );
      },
      write: async (key, value) =>
        void (await opened().run(`UPDATE ${table} SET "email" = ? ${where}`, value, id(key))),
      alter: async (key) => void (await opened().run(`UPDATE ${table} SET "name" = 'Eve' ${where}`, id(key))),
      remove: async (key) => void (await opened().run(`DELETE FROM ${table} ${where}`, id(key))),
      others: () =>
        opened().rows(
          `SELECT "id", "name", "email_index", "the_phone", "photo", "profile", "updatedAt" FROM ${table} ORDER BY "id"`,
        ),
    };
  };

  const visits = async (): Promise<RowSourceFixture> => {
    await opened().clear();
    let next = 0;
    const where = `WHERE "clinic" = ? AND "number" = CAST(? AS ${dialect === 'mysql' ? 'SIGNED' : 'BIGINT'})`;
    return {
      source: opened().source('Visit'),
      insert: async (values) => {
        if (values.length === 0) return;
        const rows = values.map(() => {
          next += 1;
          // Beyond 2^53, so that a number of JavaScript would hit the neighbour; and clinics in two places of the order.
          return `('${next % 3 === 0 ? 'Śląsk' : 'a b'}', ${9_007_199_254_740_993n + BigInt(next)}, 'r', ?, '41')`;
        });
        await opened().run(
          `INSERT INTO "Visit" ("clinic", "number", "remark", "note", "age") VALUES ${rows.join(', ')}`,
          ...values,
        );
      },
      write: async (key, value) => void (await opened().run(`UPDATE "Visit" SET "note" = ? ${where}`, value, ...key)),
      alter: async (key) => void (await opened().run(`UPDATE "Visit" SET "remark" = 'other' ${where}`, ...key)),
      remove: async (key) => void (await opened().run(`DELETE FROM "Visit" ${where}`, ...key)),
      others: () =>
        opened().rows(
          'SELECT "clinic", CAST("number" AS CHAR(30)), "remark", "noteIndex", "age", "scan" FROM "Visit" ORDER BY "clinic", "number"',
        ),
    };
  };

  rowSourceContract('an id of one column', patients, { describe, it });
  rowSourceContract('an id of two columns', visits, { describe, it });
}
