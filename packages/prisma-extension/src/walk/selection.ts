import type { CompiledModel } from '../schema/compiled-schema.ts';
import type { Extras } from './extras.ts';
import { isDictionary } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** Encrypted fields that a query reads of a model. */
export function fieldsRead(model: CompiledModel, args: Dictionary): string[] {
  const all = isDictionary(args['select']) && mayCompute(model, args);
  return model.encrypted.flatMap(([field]) => (all || isRead(model, args, field) ? [field] : []));
}

/**
 * Makes a query read the fields that its cells are bound to, and the one that names their scope, where it reads such cells and not the fields. Changed in place; what was
 * added is noted in `extras`. A computed field of another extension may need any field, and Prisma adds what it needs later.
 */
export function readBoundFields(model: CompiledModel, args: Dictionary, extras: Extras): void {
  if (model.bound.size === 0 && model.scope === null) return;
  const computed = mayCompute(model, args);
  const needed = new Set(
    model.encrypted.flatMap(([field, { bind }]) => {
      if (!(computed && isDictionary(args['select'])) && !isRead(model, args, field)) return [];
      return [...bind.map(([bound]) => bound), ...(model.scope === null ? [] : [model.scope.field])];
    }),
  );
  for (const field of needed) {
    if (isRead(model, args, field)) continue;
    if (isDictionary(args['select'])) args['select'][field] = true;
    else args['omit'] = { ...(args['omit'] as object | undefined), [field]: false };
    extras.fields.push(field);
  }
  extras.computed = computed;
}

/** Whether a query may have computed fields in its result: it selects them by name, or has all that there are. */
export function mayCompute({ types }: CompiledModel, { select }: Dictionary): boolean {
  if (!isDictionary(select)) return true;
  return Object.entries(select).some(([key, value]) => value === true && !types.has(key) && key !== '_count');
}

/** Whether a query reads a field: what it selects, or else all that neither it nor the client leaves out. */
export function isRead(model: CompiledModel, { select, omit }: Dictionary, field: string): boolean {
  if (isDictionary(select)) return select[field] === true;
  const omitted = isDictionary(omit) ? omit[field] : undefined;
  return typeof omitted === 'boolean' ? !omitted : !model.omitted.has(field);
}
