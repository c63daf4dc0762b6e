/**
 * Filters: `where`, unique filters and `having`. A filter on an encrypted field moves to the column of its blind index, with terms in
 * place of values; one that no index serves is refused.
 *
 * @module
 */

import { FieldsealError, type IndexSpec } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, IndexNode, RelationNode } from '../schema/compiled-schema.ts';
import { type Leaf, NEGATIVE, NESTED, negated, type Within } from '../search/leaf.ts';
import { nameByCompound, walkCompounds } from './compound-filter.ts';
import { andOf, migratingError, putFilter, putTerm, unencrypted, walkEncryptedFilter } from './encrypted-filter.ts';
import { COMBINATORS, LIST_QUANTIFIERS, ONE_QUANTIFIERS } from './grammar.ts';
import { equalityIndex, exactIndex, isExactEquality } from './index-choice.ts';
import { legacyFilter } from './legacy-filter.ts';
import { checkListFilter, checkOperand, comparisonsOf, isNullTest, referencesIn, unserved } from './operands.ts';
import type { Plan } from './plan.ts';
import { confineToScope, namedByFilter, ScopeFrame, scopeMissing } from './scope-frame.ts';
import { entriesOf, isAbsent, isDictionary, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** What a filter has to find: any rows, or one unique row. */
type Purpose = 'any' | 'unique';

/** How a unique filter is tried again: by the plaintext of a field, in place of its term. */
export interface Attempt {
  /** Filter of the first attempt. */
  readonly where: Readonly<Dictionary>;
  readonly field: string;
  /** Column that the first attempt has the term in. */
  readonly column: string;
  /** What stands in its place in the second one. */
  readonly second: Readonly<Dictionary>;
}

/** Filter of a model, or a list of such. Changed in place. */
export function walkWhere(plan: Plan, model: CompiledModel, where: unknown, within: Within = NESTED): void {
  for (const filter of itemsOf(where)) walkFilter(plan, model, filter, 'any', within);
}

/** Filter that has to name a unique row. */
export function walkUnique(plan: Plan, model: CompiledModel, where: unknown): void {
  walkFilter(plan, model, where, namedByPlainField(model, where) ? 'any' : 'unique', NESTED);
}

/** Whether a plain field or a compound constraint names the row, so that encrypted fields beside it are filters like any other. */
function namedByPlainField({ uniques, compounds }: CompiledModel, where: unknown): boolean {
  return entriesOf(where).some(([key, value]) => !isAbsent(value) && (uniques.includes(key) || compounds.has(key)));
}

/**
 * Filter that names the row of a cursor: by values, since Prisma takes nothing else there.
 *
 * @throws ERR_UNSUPPORTED_FILTER for a comparison that terms alone do not answer
 */
export function walkCursor(plan: Plan, model: CompiledModel, where: unknown): void {
  const before = plan.leaves.length;
  plan.takingOne(() => walkUnique(plan, model, where));
  const leaf = plan.leaves.slice(before).find(({ direct }) => direct === null);
  if (leaf !== undefined)
    throw unserved(
      (leaf.parts[0] as Leaf['parts'][number]).node,
      'a cursor compares an encrypted field that has no exact index',
      'Name its row by a plain field, or by a unique one alone.',
    );
}

/**
 * Filter of an operation on one row that changes nothing where it finds none, so that it can be tried again. While a field is being
 * migrated the row is named by a term at first, and by the plaintext then; other fields that are being migrated are found either way.
 *
 * @returns the second attempt, or null when none is needed
 */
export function walkAttempt(plan: Plan, model: CompiledModel, where: unknown): Attempt | null {
  for (const [key, value] of namedByPlainField(model, where) ? [] : entriesOf(where)) {
    const node = model.fields.get(key);
    if (node?.kind !== 'encrypted' || node.mode !== 'migrating' || isAbsent(value) || isNullTest(value)) continue;
    const legacy = node.legacy === null ? null : legacyFilter(node, value);
    const [hash] = Object.keys(legacy ?? {});
    const named = node.legacy === null ? node.unique : hash !== undefined && model.uniques.includes(hash);
    if (!named || node.spec.type !== node.spec.column) continue;
    const filter = where as Dictionary;
    const index = equalityOf(node, value);
    if (!isAbsent(filter[index.column])) throw unserved(node, 'the filter names the field and its index');
    delete filter[key];
    const scope = model.scope === null ? undefined : namedByFilter(model, model.scope.field, model.scope, filter);
    const frame = new ScopeFrame(model, 'filter', scope, plan.surroundings);
    plan.within(frame, () => {
      walkFilter(plan, model, filter, 'any', NESTED);
      putFilter(plan, node, index, filter, value);
    });
    confineToScope(frame, filter); // the second attempt finds what is not encrypted, which is of no scope
    // A row that was encrypted since keeps its old hash, which must not be heeded.
    const second = legacy === null ? { [key]: value } : { ...legacy, AND: andOf(filter, unencrypted(key, index)) };
    return { where: filter, field: key, column: index.column, second };
  }
  walkUnique(plan, model, where);
  return null;
}

/** The index that stands for a field that names a unique row. */
function equalityOf(node: EncryptedNode, filter: unknown): IndexSpec {
  const { comparisons, insensitive } = comparisonsOf(node, filter);
  const equal = comparisons.every(({ operator }) => operator === 'equals' || operator === 'in');
  const index = equal ? equalityIndex(node, insensitive, true) : null;
  if (index === null) throw unserved(node, 'the field is encrypted and no blind index names its rows');
  return index.spec;
}

/**
 * Walks a level of a filter in the scope that it names, or that the level around it names. Where none does and a scope is needed, the whole
 * filter of the model is confined to the scope of the surroundings: terms of it say nothing of the rows of others.
 */
function walkFilter(plan: Plan, model: CompiledModel, where: unknown, purpose: Purpose, within: Within): void {
  if (!model.reaches || !isDictionary(where)) return;
  const outer = plan.frame?.kind === 'filter' && plan.frame.model === model ? plan.frame : null;
  const named = model.scope === null ? undefined : namedByFilter(model, model.scope.field, model.scope, where);
  if (outer !== null && named === undefined) walkLevel(plan, model, where, purpose, within);
  else {
    const frame = new ScopeFrame(model, 'filter', named ?? givenBy(plan, model), plan.surroundings);
    plan.within(frame, () => walkLevel(plan, model, where, purpose, within));
    // A term that names a unique row is one of its scope.
    if (outer === null && purpose === 'any') confineToScope(frame, where);
  }
}

/** The scope of the rows behind a relation that a nested write follows. */
function givenBy({ frame }: Plan, model: CompiledModel): (() => string) | undefined {
  return frame?.kind === 'relation' && frame.model === model && frame.named ? () => frame.id() : undefined;
}

function walkLevel(plan: Plan, model: CompiledModel, where: Dictionary, purpose: Purpose, within: Within): void {
  const inside = within.positive ? { ...within, scope: [...within.scope, where] } : within;
  walkCompounds(plan, model, where, inside, purpose === 'unique');
  for (const [key, value] of Object.entries(where)) {
    const node = model.fields.get(key);
    if (isAbsent(value)) continue;
    if (node?.kind === 'encrypted') plan.frame?.confineToCurrent();
    if (COMBINATORS.includes(key)) walkCombined(plan, model, key, value, inside);
    else if (node?.kind === 'relation')
      plan.within(new ScopeFrame(model, 'row', undefined, plan.surroundings), () =>
        walkRelationFilter(plan, node, value, within.positive),
      );
    else if (node?.kind === 'encrypted' && node.list) checkListFilter(node, value);
    else if (node?.kind === 'encrypted')
      walkEncryptedFilter(plan, {
        model,
        node,
        where,
        filter: value,
        within: inside,
        unique: purpose === 'unique',
      });
    else if (model.types.has(key)) refuseReferences(model, value);
    else if (model.compounds.has(key)) {
      walkCompound(plan, model, key, value);
      rename(where, key, model.renamed.get(key));
    } else throw unknownFilter(model, key);
  }
}

/** Puts the constraint that holds the columns which are searched now in the place of the one that was asked for. */
function rename(where: Dictionary, from: string, to: string | undefined): void {
  if (to === undefined) return;
  where[to] = where[from];
  delete where[from];
}

function walkCombined(plan: Plan, model: CompiledModel, combinator: string, filters: unknown, within: Within): void {
  const inside = combinator === 'NOT' ? negated(within) : combinator === 'OR' ? { ...within, main: false } : within;
  walkWhere(plan, model, filters, inside);
}

/** A filter of a plain field may compare it with another field by reference; an encrypted one would be compared as ciphertext. */
function refuseReferences(model: CompiledModel, operand: unknown): void {
  for (const { name } of referencesIn(operand)) refuseEncrypted(model, name, 'a comparison of two fields');
}

/** `having` of groupBy: an encrypted field in it has no meaning. */
export function walkHaving(model: CompiledModel, having: unknown): void {
  for (const [key, value] of itemsOf(having).flatMap(entriesOf)) {
    if (COMBINATORS.includes(key)) walkHaving(model, value);
    else if (!isAbsent(value)) refuseEncrypted(model, key, 'having');
    refuseReferences(model, value);
  }
}

/** Refuses an encrypted field in a place that only its plaintext could serve. */
export function refuseEncrypted(model: CompiledModel, field: string, where: string): void {
  if (model.fields.get(field)?.kind !== 'encrypted') return;
  throw new FieldsealError('ERR_UNSUPPORTED_FILTER', `${where} cannot be served on an encrypted field`, {
    model: model.name,
    field,
    hint: 'The database sees ciphertext there. Do it in the application after reading.',
  });
}

/** Indexes of the encrypted ones among the fields whose combinations rows are told apart by. */
export function distinctIndexes(model: CompiledModel, fields: unknown): ReadonlyMap<string, IndexNode> {
  const indexes = new Map<string, IndexNode>();
  for (const field of itemsOf(fields).map(String)) {
    const node = model.fields.get(field);
    if (node?.kind === 'encrypted') indexes.set(field, exactIndex(node, 'distinct'));
  }
  return indexes;
}

/** Quantifiers that more rows behind the relation can only make true. */
const POSITIVE: readonly string[] = ['some', 'is'];

function walkRelationFilter(plan: Plan, { list, model }: RelationNode, filter: unknown, positive: boolean): void {
  const parts = entriesOf(filter);
  const quantified = list || (parts.length > 0 && parts.every(([key]) => ONE_QUANTIFIERS.includes(key)));
  if (!quantified) walkWhere(plan, model, filter, positive ? NESTED : NEGATIVE);
  for (const [key, value] of quantified ? parts : []) {
    // A to-one relation may also take the filter itself, and then `is` could be a field of it.
    if (!(list ? LIST_QUANTIFIERS : ONE_QUANTIFIERS).includes(key) || (!list && model.types.has(key)))
      throw unknownFilter(model, key);
    if (key === 'every') refuseUnscopedEvery(plan, model, value);
    walkWhere(plan, model, value, positive && POSITIVE.includes(key) ? NESTED : NEGATIVE);
  }
}

/** Confined to the current scope, `every` would be false as soon as a row of another scope stands behind the relation. */
function refuseUnscopedEvery(plan: Plan, model: CompiledModel, filter: unknown): void {
  const { scope } = model;
  if (scope === null || (plan.surroundings.of(model.name) ?? '') === '' || !mentionsEncrypted(model, filter)) return;
  throw scopeMissing(model, 'every has no meaning for the rows of one scope; ask by none, or outside withScope');
}

function mentionsEncrypted(model: CompiledModel, filter: unknown): boolean {
  return itemsOf(filter)
    .flatMap(entriesOf)
    .some(([key, value]) =>
      COMBINATORS.includes(key) ? mentionsEncrypted(model, value) : model.fields.get(key)?.kind === 'encrypted',
    );
}

/** What is not known could be a filter on an encrypted field under another name. */
function unknownFilter(model: CompiledModel, key: string): FieldsealError {
  return new FieldsealError('ERR_UNSUPPORTED_FILTER', `the filter ${key} is unknown or ambiguous`, {
    model: model.name,
    hint: 'Check its spelling. A field called as an operator of Prisma cannot be told from it; rename it (with @map).',
  });
}

/** `{ org_emailIndex: { org, email } }`: the fields of a compound constraint, where the encrypted field stands for its index column. */
function walkCompound(plan: Plan, model: CompiledModel, name: string, value: unknown): void {
  if (!isDictionary(value)) return;
  const fields = model.compounds.get(name) ?? [];
  for (const index of model.compoundIndexes) {
    if (fields.includes(index.spec.column)) nameByCompound(plan, model, index, value);
  }
  for (const [key, operand] of Object.entries(value)) {
    const node = model.fields.get(key);
    if (node?.kind !== 'encrypted' || isAbsent(operand)) continue;
    const index = node.indexes.find(({ spec }) => fields.includes(spec.column) && isExactEquality(spec));
    if (index === undefined) throw unserved(node, `the constraint ${name} holds no index of this field`);
    if (!isAbsent(value[index.spec.column]))
      throw unserved(node, `the constraint ${name} names the field and its index`);
    checkOperand(node, operand);
    if (node.mode === 'migrating') throw migratingError(node);
    delete value[key];
    putTerm(plan, node, index.spec, value, operand);
  }
}
