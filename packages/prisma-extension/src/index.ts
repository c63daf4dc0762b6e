/**
 * @fieldseal/prisma: transparent field encryption for Prisma 7.
 *
 * @module
 */
export {
  type ErrorCode,
  FieldsealError,
  type IndexSearch,
  isFieldsealError,
  type Normalizer,
  type Normalizers,
  type SearchTerms,
  type StoredTerms,
} from '@fieldseal/core';
export type { EncryptionHelpers, ModelsOf } from './encryption-helpers.ts';
export { type EncryptedClient, type EncryptionExtension, type EncryptionOptions, encryption } from './extension.ts';
export { guardAdapter } from './guard/guard-adapter.ts';
export type { LegacyField, LegacyFields, LegacySearch } from './legacy-field.ts';
export {
  type PrismaKeyStoreOptions,
  type PrismaSqlClient,
  prismaKeyModel,
  prismaKeyStore,
} from './prisma-key-store.ts';
export type {
  BoundFieldMap,
  EncryptedFieldMap,
  FieldMode,
  IndexMap,
  ModelMap,
  SchemaMap,
  ScopeFieldMap,
  ScopeRelationMap,
  TermColumnMap,
} from './schema/schema-map.ts';
export { type ScopeId, type ScopeOption, type ScopeQuery, withScope } from './scope-context.ts';
