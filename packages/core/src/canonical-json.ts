/**
 * One spelling of a JSON value, for authentication codes and signatures: members sorted by name (by UTF-16 code units), no white space, as
 * RFC 8785 for the texts, whole numbers, booleans and nulls that Fieldseal stores.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join()}}`;
}
