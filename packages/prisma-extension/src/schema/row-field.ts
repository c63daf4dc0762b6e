/**
 * Fields of a row that cells depend on: those that they are bound to, and the one that names their scope. Their values are known before the
 * row is written, and have one spelling in the client and in the database.
 *
 * @module
 */
import { parseAnnotations } from './annotation.ts';
import { type Refuse, refuser, type Surroundings } from './field-rules.ts';
import type { BoundFieldMap, ParsedField, ParsedModel } from './schema-map.ts';

/** Types whose values have one text, in the client and in the database. */
const TYPES: readonly string[] = ['String', 'Int', 'BigInt'] satisfies BoundFieldMap['type'][];

/** Databases whose text comparison folds case by default. */
const FOLDING: readonly string[] = ['mysql', 'sqlserver'];

/** Native types of text that give a value back as it was written. `Char` pads it with spaces. */
const EXACT_TEXT: readonly string[] = ['Text', 'VarChar', 'MediumText', 'LongText', 'Uuid', 'Citext'];

/**
 * A field that cells are bound to.
 *
 * @throws ERR_SCHEMA for one that may change, or that nobody knows before the row is written
 */
export function boundField({ model, provider }: Surroundings, field: ParsedField): BoundFieldMap {
  const refuse = refuser(model, field);
  const place = { model: model.name };
  if (field.kind === 'scalar' && !field.list && TYPES.includes(field.type)) {
    if (field.documentation !== '' && parseAnnotations(field.documentation, place).length > 0)
      throw refuse('a cell cannot be bound to an annotated field');
    if (!field.required) throw refuse('a cell cannot be bound to it, because it may be NULL');
    if (model.fields.some(({ relationFrom }) => relationFrom.includes(field.name)))
      throw refuse('a cell cannot be bound to it, because a relation changes it');
    if (field.hasDefault && field.idDefault === null)
      throw refuse(
        'a cell cannot be bound to it: its @default is made by the database, after the cell (use uuid(), cuid(), ulid() or nanoid())',
      );
  }
  return rowField(provider, field, 'a cell cannot be bound to it', (message) => refuse(message));
}

/**
 * A field with the spelling of its values.
 *
 * @param cannot - how a refusal begins
 * @throws ERR_SCHEMA for a type whose values have several texts
 */
export function rowField(provider: string, field: ParsedField, cannot: string, refuse: Refuse): BoundFieldMap {
  const { type, nativeType, idDefault } = field;
  if (field.kind !== 'scalar' || field.list || !TYPES.includes(type))
    throw refuse(`${cannot}: it is not of type ${TYPES.join(', ')}`);
  const [native] = nativeType ?? [];
  if (type === 'String' && native !== undefined && !EXACT_TEXT.includes(native))
    throw refuse(`${cannot}: @db.${native} may give another text back than was written`);
  const folds = native === 'Citext' || FOLDING.includes(provider);
  const spelling = type !== 'String' ? 'any' : native === 'Uuid' ? 'uuid' : folds ? 'lower' : 'any';
  if (spelling !== 'any' && (idDefault?.startsWith('nanoid') || idDefault === 'ulid()'))
    throw refuse(`${cannot}: its ids have capital letters, and the database does not tell them from small ones`);
  return { dbName: field.dbName, type: type as BoundFieldMap['type'], make: idDefault, spelling };
}

/** Relation fields of a model that are stored in a field of it. */
export function relationsOver({ fields }: ParsedModel, name: string): ParsedField[] {
  return fields.filter(({ relationFrom }) => relationFrom.includes(name));
}
