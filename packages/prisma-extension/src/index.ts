/**
 * @fieldseal/prisma: transparent field encryption for Prisma 7.
 *
 * @module
 */
export { type ErrorCode, FieldsealError, isFieldsealError } from '@fieldseal/core';
export { type EncryptionOptions, encryption } from './extension.ts';
export type { EncryptedFieldMap, IndexMap, ModelMap, SchemaMap } from './schema/schema-map.ts';
