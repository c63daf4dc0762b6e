/**
 * What the rules of all annotations share.
 *
 * @module
 */
import type { FieldsealError } from '@fieldseal/core';
import { schemaError } from './annotation.ts';
import type { ParsedField, ParsedModel, ParsedSchema } from './schema-map.ts';

/** What the rules look at besides the field itself. */
export interface Surroundings {
  readonly model: ParsedModel;
  readonly models: ParsedSchema['models'];
  readonly provider: string;
  readonly enums: ParsedSchema['enums'];
  /** Fields that a relation is built on, as `Model.field`. */
  readonly referenced: ReadonlySet<string>;
}

/** Makes the error of one field. */
export type Refuse = (message: string) => FieldsealError;

/** The errors of a field: ERR_SCHEMA with its place. */
export function refuser(model: ParsedModel, field: ParsedField): Refuse {
  return (message) => schemaError(message, { model: model.name, field: field.name });
}

/**
 * What neither a ciphertext nor a term can be.
 *
 * @throws ERR_SCHEMA
 */
export function checkPlain({ model, referenced }: Surroundings, field: ParsedField, refuse: Refuse): void {
  if (field.id) throw refuse('an @id cannot be encrypted or hold index terms');
  if (field.hasDefault)
    throw refuse('the database would write the @default in plaintext; set the value in the application');
  if (referenced.has(`${model.name}.${field.name}`))
    throw refuse('a field that a relation is built on cannot be encrypted or hold index terms');
}
