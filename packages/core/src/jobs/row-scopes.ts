/**
 * Whose keys the rows of a batch are under.
 *
 * @module
 */
import { type ErrorCode, FieldsealError, isFieldsealError } from '../errors.ts';
import type { KeySource, KeyView } from '../keyring/key-view.ts';
import type { JobPlan } from './job.ts';
import { keyIdsOf, type RowValue } from './row-values.ts';

/** Errors that lie in a scope: one that has no keys, or was shredded. They set its values apart. */
const OF_SCOPES: readonly ErrorCode[] = ['ERR_KEY_UNKNOWN', 'ERR_KEY_DISABLED', 'ERR_KEY_DESTROYED'];

/** The values of one scope with its keys. */
export interface ScopedValues {
  readonly view: KeyView;
  readonly values: readonly RowValue[];
}

/**
 * Resolves the keys of all scopes in a batch, in one round trip where the key store can do that. A `backfill` makes the keys of a scope that has none
 * yet, as the first write of an application would. Values of a scope whose keys cannot be used are set apart.
 *
 * @param shared - whether all rows are of one scope, without whose keys no job can go on
 * @throws whatever does not lie in a scope of its own
 */
export async function byScope(
  keys: KeySource,
  plan: Pick<JobPlan, 'kind' | 'target'>,
  values: readonly RowValue[],
  shared: boolean,
): Promise<readonly ScopedValues[]> {
  const groups = new Map<string, RowValue[]>();
  for (const value of values) {
    const known = groups.get(value.row.scope);
    if (known === undefined) groups.set(value.row.scope, [value]);
    else known.push(value);
  }
  const target = plan.target === null ? [] : [plan.target];
  const wanted = new Map([...groups].map(([scope, own]) => [scope, new Set([...keyIdsOf(own), ...target])]));
  const together = shared ? undefined : await keys.resolveMany?.(wanted).catch(onlyOfScopes);
  const found: ScopedValues[] = [];
  for (const [scope, own] of groups) {
    try {
      const view = together?.get(scope) ?? (await resolved(keys, plan, scope, wanted.get(scope) ?? []));
      found.push({ view, values: own });
    } catch (error) {
      if (shared) throw error;
      onlyOfScopes(error);
      for (const value of own) value.blame(error);
    }
  }
  return found;
}

async function resolved(
  keys: KeySource,
  { kind }: Pick<JobPlan, 'kind'>,
  scope: string,
  keyIds: Iterable<string>,
): Promise<KeyView> {
  try {
    return await keys.resolve(scope, keyIds);
  } catch (error) {
    if (kind !== 'backfill' || keys.addScope === undefined || !isFieldsealError(error, 'ERR_KEY_UNKNOWN')) throw error;
    return keys.addScope(scope);
  }
}

/** Passes over an error that lies in a scope, and throws any other. */
function onlyOfScopes(error: unknown): undefined {
  if (!(error instanceof FieldsealError) || !OF_SCOPES.includes(error.code)) throw error;
  return undefined;
}
