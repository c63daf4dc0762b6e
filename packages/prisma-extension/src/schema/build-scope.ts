/**
 * Rules of `@scope`: the field that names the scope, the tenant say, of each row.
 *
 * @module
 */
import { schemaError } from './annotation.ts';
import { refuser, type Surroundings } from './field-rules.ts';
import { relationsOver, rowField } from './row-field.ts';
import type {
  BoundFieldMap,
  ModelMap,
  ParsedField,
  ParsedModel,
  ParsedSchema,
  ScopeFieldMap,
  ScopeRelationMap,
} from './schema-map.ts';

const CANNOT = 'it cannot name the scope';

/**
 * The field of a model that names the scope of its rows, or null.
 *
 * @param annotated - fields with `@scope`
 * @param encrypts - whether the model has encrypted fields
 * @throws ERR_SCHEMA
 */
export function scopeField(
  { model, models, provider }: Surroundings,
  annotated: readonly ParsedField[],
  encrypts: boolean,
): ScopeFieldMap | null {
  const [field, second] = annotated;
  if (field === undefined) return null;
  const refuse = refuser(model, field);
  if (second !== undefined) throw refuser(model, second)('a model has one @scope at most');
  if (!encrypts) throw refuse('@scope says whose keys encrypted fields have, and the model has none');
  const map = rowField(provider, field, CANNOT, refuse);
  if (!field.required) throw refuse(`${CANNOT}, because it may be NULL`);
  if (field.id && field.hasDefault && field.idDefault === null)
    throw refuse(
      `${CANNOT}: its @default is made by the database, after the cells (use uuid(), cuid(), ulid() or nanoid())`,
    );
  return {
    ...map,
    field: field.name,
    relations: relationsOver(model, field.name).map((relation) => scopeRelation(models, model, field, relation)),
    stored: model.fields.filter(({ relationFrom }) => relationFrom.length > 0).map(({ name }) => name),
  };
}

/**
 * Fields that scopes of other models' rows are copies of, by model.
 *
 * @throws ERR_SCHEMA for one whose values have several texts
 */
export function scopeSources(
  { provider, models }: Pick<ParsedSchema, 'provider' | 'models'>,
  entries: readonly (readonly [string, Pick<ModelMap, 'scope'>])[],
): ReadonlyMap<string, Readonly<Record<string, BoundFieldMap>>> {
  const found = new Map<string, Record<string, BoundFieldMap>>();
  for (const { model: name, from } of entries.flatMap(([, { scope }]) => scope?.relations ?? [])) {
    const model = models.find((candidate) => candidate.name === name) as ParsedModel;
    const field = model.fields.find((candidate) => candidate.name === from) as ParsedField;
    const sources = found.get(name) ?? {};
    sources[from] = rowField(provider, field, CANNOT, refuser(model, field));
    found.set(name, sources);
  }
  return found;
}

function scopeRelation(
  models: readonly ParsedModel[],
  model: ParsedModel,
  { name }: ParsedField,
  relation: ParsedField,
): ScopeRelationMap {
  const place = { model: model.name, field: relation.name };
  const target = models.find((candidate) => candidate.name === relation.type);
  const from = relation.relationTo[relation.relationFrom.indexOf(name)];
  const back = target?.fields.find(
    (field) =>
      field.type === model.name && field.relationFrom.length === 0 && field.relationName === relation.relationName,
  );
  if (target === undefined || from === undefined || back === undefined)
    throw schemaError('the relation that the scope is stored for cannot be read', place);
  const alone = relation.relationFrom.length === 1;
  return { field: relation.name, model: target.name, from, back: back.name, alone };
}
