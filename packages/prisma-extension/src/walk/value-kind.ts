/** Telling values from the objects that Prisma puts in their place. */

type Dictionary = Record<string, unknown>;

/** A plain object: made by `{}` or without a prototype. Dates, decimals, bytes and Prisma's markers are none. */
export function isDictionary(value: unknown): value is Dictionary {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Whether an argument means "not here": undefined and Prisma.skip. The two client generators carry different copies of Skip, so it is
 * known by its shape.
 */
export function isAbsent(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null || Object.keys(value).length > 0) return false;
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string }; ifUndefined?: unknown } | null;
  return typeof prototype?.ifUndefined === 'function';
}

/** Whether a value stands for NULL: null, and DbNull, JsonNull or AnyNull of Json columns. */
export function isNull(value: unknown): boolean {
  if (value === null) return true;
  if (typeof value !== 'object' || isDictionary(value) || Array.isArray(value)) return false;
  return ['DbNull', 'JsonNull', 'AnyNull'].includes(nullName(value as object));
}

/** Whether a value is JsonNull: the null of JSON, as against NULL. */
export function isJsonNull(value: unknown): boolean {
  return isNull(value) && value !== null && nullName(value as object) === 'JsonNull';
}

/** Whether a value is DbNull: NULL, as against the null of JSON. */
export function isDbNull(value: unknown): boolean {
  return isNull(value) && value !== null && nullName(value as object) === 'DbNull';
}

/** Name of Prisma's null markers; their class differs between the generators, their `_getName()` does not. */
function nullName(value: object): string {
  const { _getName: name } = value as { _getName?: unknown };
  return typeof name === 'function' ? String((name as () => unknown).call(value)) : '';
}

/** The items of a list, or the value itself as the only one: Prisma takes either in many places. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** Members of a plain object; none for anything else. */
export function entriesOf(value: unknown): [string, unknown][] {
  return isDictionary(value) ? Object.entries(value) : [];
}

/** Whether a value is a reference to a field, as `prisma.user.fields.email` gives it. Its class differs between the generators. */
export function isFieldReference(value: unknown): value is { readonly modelName: string; readonly name: string } {
  if (typeof value !== 'object' || value === null || isDictionary(value)) return false;
  const { modelName, name, typeName } = value as Record<string, unknown>;
  return typeof modelName === 'string' && typeof name === 'string' && typeof typeName === 'string';
}

/** Whether a value is a decimal of decimal.js or a library like it, as Prisma's client tells. */
export function isDecimal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { s, e, d, toFixed } = value as Record<string, unknown>;
  return typeof s === 'number' && typeof e === 'number' && Array.isArray(d) && typeof toFixed === 'function';
}
