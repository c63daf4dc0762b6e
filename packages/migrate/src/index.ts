/**
 * @fieldseal/migrate: readers for what other field encryption wrote, and rewriting of its annotations.
 *
 * @module
 */
export { type CipherSweetOptions, cipherSweet } from './ciphersweet.ts';
export type { CipherSweetType } from './ciphersweet-value.ts';
export { type FernetOptions, fernet } from './fernet.ts';
export { type LockboxAttribute, type LockboxOptions, lockbox } from './lockbox.ts';
export type { LockboxType } from './lockbox-value.ts';
export { type MongooseFieldEncryptionOptions, mongooseFieldEncryption } from './mongoose-field-encryption.ts';
export { type PrismaFieldEncryptionOptions, prismaFieldEncryption } from './prisma-field-encryption.ts';
export { type PrismaHash, prismaHash } from './prisma-hash.ts';
export { type RailsEncryptionOptions, railsEncryption } from './rails.ts';
export { applyEdits, type LineEdit, unifiedDiff } from './schema/line-edits.ts';
export { finishSchema, type RewrittenField, rewriteSchema, type SchemaRewrite } from './schema/rewrite-schema.ts';
export { type VaultTransitOptions, vaultTransit } from './vault-transit.ts';
