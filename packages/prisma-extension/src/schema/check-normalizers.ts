import {
  checkNormalizers,
  FieldsealError,
  isCustomNormalizer,
  isFieldsealError,
  type Normalizers,
} from '@fieldseal/core';
import type { SchemaMap } from './schema-map.ts';

/**
 * Holds the normalisers of the application against those that indexes name.
 *
 * @throws ERR_OPTIONS for one that is missing, is no normaliser, or has the name of a built-in one; ERR_SCHEMA_STALE, with the index, for one of
 * another version than the terms
 */
export function checkNormalizerOption(map: SchemaMap, normalizers: Normalizers): void {
  for (const [name, given] of Object.entries(normalizers)) {
    if (!isCustomNormalizer(name))
      throw new FieldsealError('ERR_OPTIONS', `the normaliser ${name} is built in and cannot be replaced`, {
        hint: 'Give yours another name.',
      });
    const { version, normalize } = given as Partial<typeof given>;
    if (typeof normalize !== 'function' || !Number.isInteger(version) || Number(version) < 1)
      throw new FieldsealError('ERR_OPTIONS', `the normaliser ${name} is not { version: 1, normalize: (text) => … }`);
  }
  for (const [model, { indexes }] of Object.entries(map.models)) {
    for (const [field, { normalize }] of Object.entries(indexes)) {
      try {
        checkNormalizers(normalize, normalizers);
      } catch (error) {
        throw isFieldsealError(error) ? error.at({ model, field }) : error;
      }
    }
  }
}
