/**
 * @fieldseal/prisma/jobs: the rows of Prisma models, for the jobs of @fieldseal/core/jobs.
 *
 * @module
 */
export { type AdapterLike, adapterDatabase } from './row-source/adapter-database.ts';
export {
  type CountedIndex,
  countIndexTerms,
  type IndexCensusLine,
  rowsToFill,
  rowsWithout,
} from './row-source/index-census.ts';
export {
  type ModelTable,
  modelTable,
  type TableRequest,
  type WholeTable,
  wholeTable,
} from './row-source/model-table.ts';
export {
  type PlainCounts,
  type PlainRow,
  PlainRows,
  type PlainRowsOptions,
  type PlainWrites,
} from './row-source/plain-rows.ts';
export {
  type PrismaClientLike,
  type PrismaRowsOptions,
  prismaDatabase,
  prismaRows,
} from './row-source/prisma-database.ts';
export { type SqlRowPortOptions, sqlRowPort, termTables } from './row-source/sql-row-port.ts';
export { SqlRowSource } from './row-source/sql-row-source.ts';
