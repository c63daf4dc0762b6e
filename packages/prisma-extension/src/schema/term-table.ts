/**
 * Tables of terms: where a database has no lists, the many terms of a value are rows of a model of their own.
 *
 * @module
 */
import { checkTermColumn } from './column-size.ts';
import type { Refuse, Surroundings } from './field-rules.ts';
import type { IndexMap, ParsedField } from './schema-map.ts';

/**
 * The field that holds the terms: the one String of the model besides its id and the foreign key.
 *
 * @throws ERR_SCHEMA when the model holds anything else, for terms are taken out and written anew with the value; or when deleting a row would
 * leave its terms behind
 */
export function termTable(
  { model, models }: Surroundings,
  field: ParsedField,
  bits: number,
  refuse: Refuse,
): NonNullable<IndexMap['child']> {
  if (!field.list) throw refuse('the terms of a value are many: the relation is a list');
  const table = models.find(({ name }) => name === field.type);
  if (table === undefined || table.name === model.name) throw refuse('an index needs a model of its own for its terms');
  if (model.fields.filter(({ type }) => type === field.type).length > 1)
    throw refuse(`${field.type} holds the terms of one index, and this model has two relations to it`);
  const back = table.fields.filter(({ kind, type }) => kind === 'object' && type === model.name);
  const [relation, second] = back;
  if (relation === undefined || second !== undefined || relation.relationFrom.length === 0)
    throw refuse(`${field.type} needs the relation to ${model.name} that holds the foreign key`);
  if (relation.onDelete !== 'Cascade')
    throw refuse(`the relation in ${field.type} needs onDelete: Cascade, or the terms of a deleted row would stay`);
  const own = table.fields.filter(
    (candidate) => candidate !== relation && !candidate.id && !relation.relationFrom.includes(candidate.name),
  );
  const [term, other] = own;
  if (
    term === undefined ||
    other !== undefined ||
    table.fields.some(({ documentation }) => /^\s*@(encrypted|blindIndex)/m.test(documentation))
  )
    throw refuse(
      `${field.type} has, besides its id and the relation to ${model.name}, one field for the terms and nothing else`,
    );
  if (term.type !== 'String' || term.list || !term.required || term.unique || term.hasDefault)
    throw refuse(
      `the field ${term.name} of ${field.type} holds the terms: it is a String, neither optional nor unique, without a default`,
    );
  if (table.fields.some(({ id, hasDefault }) => id && !hasDefault))
    throw refuse(`the @id of ${field.type} needs a default, as autoincrement() or uuid()`);
  checkTermColumn(bits, term.nativeType, refuse);
  return { model: table.name, field: term.name };
}
