import { isFieldsealError } from '@fieldseal/core';
import { readSchemaMap, type SchemaMap } from '@fieldseal/prisma/internal';
import { readSchemaFile, type SchemaFile } from '../schema-file.ts';
import { type Finding, finding } from './finding.ts';

/** The schema, as far as it can be used. */
export interface CheckedSchema {
  /** Null when a line of it cannot be read. */
  readonly file: SchemaFile | null;
  /** Null when an annotation cannot be served. */
  readonly map: SchemaMap | null;
  readonly findings: readonly Finding[];
}

/**
 * Reads the schema and its annotations. Of several that cannot be served the first is found.
 *
 * @throws ERR_FILE_IO when there is no schema
 */
export async function checkSchema(path: string | undefined): Promise<CheckedSchema> {
  let file: SchemaFile | null = null;
  try {
    file = await readSchemaFile(path);
    const map = readSchemaMap(file.text);
    const annotated = Object.values(map.models).some(({ encrypted }) => Object.keys(encrypted).length > 0);
    return {
      file,
      map,
      findings: annotated ? [] : [finding('schema.unannotated', file.path, 'no field of the schema is encrypted')],
    };
  } catch (error) {
    if (!isFieldsealError(error, 'ERR_SCHEMA')) throw error;
    const place = [error.model, error.field].filter((name) => name !== undefined).join('.');
    return {
      file,
      map: null,
      findings: [finding('schema.refused', place || (file?.path ?? 'schema'), error.summary)],
    };
  }
}
