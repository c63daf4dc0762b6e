/**
 * Rows behind a table of terms, named by a unique field of theirs. Prisma asks for them by EXISTS, which SQLite answers by looking at every row of
 * the model; with their names beside it the database begins with those.
 *
 * @module
 */
import type { CompiledModel } from '../schema/compiled-schema.ts';
import type { RowSource } from './candidates.ts';
import type { PlacedLeaf } from './leaf.ts';

type Dictionary = Record<string, unknown>;

/** Databases that do not turn EXISTS around. */
const NAMING: readonly string[] = ['sqlite'];

/** Leaves whose rows are worth naming on a database: those of tables of terms that stand for nothing else. */
export function namableLeaves(provider: string, leaves: readonly PlacedLeaf[]): PlacedLeaf[] {
  if (!NAMING.includes(provider)) return [];
  return leaves.filter(({ within, index, terms }) => within.positive && index.child !== null && terms.length === 1);
}

/**
 * Adds the names of the rows that have the rarest of a leaf's terms to its filter, where they are few. The filter finds the same rows as before.
 *
 * @param most - names that may be added in all
 * @returns names that were added
 */
export async function nameRows(source: RowSource, leaves: readonly PlacedLeaf[], most: number): Promise<number> {
  let named = 0;
  for (const leaf of leaves) {
    const names = await namesOf(source, leaf, most - named);
    if (names === null) continue;
    named += names.values.length;
    (leaf.place['AND'] as Dictionary[]).push({ [names.field]: { in: names.values } });
  }
  return named;
}

async function namesOf(
  source: RowSource,
  { model, index, terms: [search] }: PlacedLeaf,
  most: number,
): Promise<{ readonly field: string; readonly values: readonly unknown[] } | null> {
  const [field] = model.uniques;
  const relation = model.fields.get(index.spec.column);
  if (field === undefined || relation?.kind !== 'relation' || index.child === null || search === undefined) return null;
  const back = [...relation.model.types].find(([, type]) => type === model.name)?.[0];
  if (back === undefined) return null;
  const terms = search.match === 'any' ? search.terms : await rarest(source, relation.model, index.child, search.terms);
  const rows = await source.read(relation.model, {
    where: { [index.child]: { in: terms } },
    select: { [back]: { select: { [field]: true } } },
    take: most + 1,
  });
  const values = rows.map((row) => (row[back] as Dictionary)[field]);
  return rows.length > most || values.includes(null) ? null : { field, values: [...new Set(values)] };
}

/** The term that the fewest rows have; any that none has. */
async function rarest(
  source: RowSource,
  model: CompiledModel,
  column: string,
  terms: readonly string[],
): Promise<readonly string[]> {
  if (terms.length === 1) return terms;
  const groups = await source.group(model, {
    by: [column],
    where: { [column]: { in: terms } },
    _count: { _all: true },
  });
  const counts = new Map(groups.map((group) => [group[column], (group['_count'] as { _all: number })._all]));
  const [least] = [...terms].sort((a, b) => (counts.get(a) ?? 0) - (counts.get(b) ?? 0));
  return least === undefined ? [] : [least];
}
