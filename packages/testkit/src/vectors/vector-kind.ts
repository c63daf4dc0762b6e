import type { AeadEngine } from '@fieldseal/core/internal';
import { FieldsealTestError } from '../testkit-error.ts';
import { checkBlindIndex } from './blind-index-vector.ts';
import { checkCell } from './cell-vector.ts';
import { checkIndexKind } from './index-kind-vector.ts';
import { checkInvalidCell } from './invalid-cell-vector.ts';
import type { VectorCase } from './vector-case.ts';
import { checkWrappedDek } from './wrapped-dek-vector.ts';

/** A kind of known answers. */
export interface VectorKind {
  readonly name: string;
  /** Members of its cases. A `comment` may stand beside them, nothing else: it would be an answer that nobody checks. */
  readonly members: readonly string[];
  /** Throws, with the reason, when the code under test gives another answer. */
  readonly check: (vector: VectorCase, engine: AeadEngine) => void;
}

/** The kinds of spec/format.md §6 and §7. */
const KINDS: readonly VectorKind[] = [
  {
    name: 'cells',
    members: 'dek keyId suite model field binding pad type value payload nonce cell text'.split(' '),
    check: checkCell,
  },
  { name: 'invalid cells', members: 'dek model field binding type text'.split(' '), check: checkInvalidCell },
  {
    name: 'wrapped DEKs',
    members: 'suite kek kekId dek keyId scope purpose wrapped'.split(' '),
    check: checkWrappedDek,
  },
  {
    name: 'blind index terms',
    members: 'root version model field name values bits indexKey term'.split(' '),
    check: checkBlindIndex,
  },
  {
    name: 'index terms of all kinds',
    members: 'root version kind name sources types normalize parameters values bits kindKey terms'.split(' '),
    check: checkIndexKind,
  },
];

/**
 * The kind of a file, told by the members of its cases.
 *
 * @throws FieldsealTestError when there is no case, or one that has other members than every kind
 */
export function kindOf(cases: readonly VectorCase[]): VectorKind {
  if (cases.length === 0) throw new FieldsealTestError('it holds no case');
  const kind = KINDS.find(({ members }) => cases.every(({ names }) => sameNames(names, members)));
  if (kind === undefined) throw new FieldsealTestError('the members of its cases are of no known kind');
  return kind;
}

function sameNames(names: readonly string[], members: readonly string[]): boolean {
  const answers = names.filter((name) => name !== 'comment');
  return answers.length === members.length && members.every((member) => answers.includes(member));
}
