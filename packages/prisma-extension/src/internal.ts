/**
 * Internals for the project's command line and tests, without Prisma's client behind them. Not part of the public interface: anything here
 * may change in any release.
 *
 * @module
 */
export { CONSTRAINT_PROVIDERS, type ConstraintProvider, checkConstraints } from './guard/check-constraints.ts';
export { checkCellColumn, checkTermColumn } from './schema/column-size.ts';
export { parseInlineSchema } from './schema/inline-schema.ts';
export { readSchemaMap } from './schema/read-schema.ts';
export type { BoundFieldMap, EncryptedFieldMap, IndexMap, ModelMap, SchemaMap } from './schema/schema-map.ts';
