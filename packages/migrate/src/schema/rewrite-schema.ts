import type { LineEdit } from './line-edits.ts';
import { type PrismaAnnotations, prismaAnnotations } from './prisma-annotation.ts';
import { type BlockAttribute, type SchemaField, schemaLines } from './schema-lines.ts';

/** A field whose annotations are rewritten. */
export interface RewrittenField {
  readonly model: string;
  readonly field: string;
  /** The field that held its hash, or null. */
  readonly hash: string | null;
}

/** What becomes of a schema. */
export interface SchemaRewrite {
  readonly edits: readonly LineEdit[];
  readonly fields: readonly RewrittenField[];
  /** What has to be looked at or done by hand, one sentence each. */
  readonly notes: readonly string[];
}

/** Comment of a hash column that nothing writes any more; `finishSchema` removes the field. */
const RETIRED = 'Hash of prisma-field-encryption. Fieldseal reads it until the backfill is done, and never writes it.';

/** Normalisers of theirs that have one of ours with the same meaning. */
const NORMALIZERS: Readonly<Record<string, string>> = { trim: 'trim', lowercase: 'lowercase' };

/** A field with what its comment says. */
interface Annotated extends PrismaAnnotations {
  readonly at: SchemaField;
}

/**
 * Rewrites the annotations of prisma-field-encryption into ours, as the first step of a migration: `@encrypted` becomes
 * `@encrypted(mode: migrating)`, and beside each hash column comes a column for index terms. Hash columns stay until {@link finishSchema}, since
 * rows that were not encrypted yet are found by them.
 *
 * @param text - one file of a Prisma schema
 */
export function rewriteSchema(text: string): SchemaRewrite {
  const { fields, attributes } = schemaLines(text);
  const annotated = fields.flatMap((at): Annotated[] => {
    const found = prismaAnnotations(at.comment);
    return found === null ? [] : [{ at, ...found }];
  });
  const notes: string[] = [];
  const edits: LineEdit[] = [];
  for (const one of annotated) edits.push(...editsOf(one, annotated, fields, notes));
  edits.push(...blockEdits(annotated, attributes, fields, notes));
  if (/^\s*provider\s*=\s*"prisma-field-encryption"/m.test(text))
    notes.push(
      'Remove the generator of prisma-field-encryption from the schema; its migrations are not needed any more.',
    );
  const rewritten = annotated.flatMap(({ at, encrypted }): RewrittenField[] => {
    if (encrypted === null) return [];
    const hash = annotated.findLast((other) => other.at.model === at.model && other.hash?.source === at.name);
    return [{ model: at.model, field: at.name, hash: hash?.at.name ?? null }];
  });
  return { edits: edits.sort((a, b) => a.at - b.at), fields: rewritten, notes };
}

/**
 * The last step, when all rows are encrypted: takes `mode: migrating` out, and the fields of hashes.
 *
 * @param text - one file of a Prisma schema
 */
export function finishSchema(text: string): SchemaRewrite {
  const { fields, attributes } = schemaLines(text);
  const notes: string[] = [];
  const edits = fields.flatMap((at): LineEdit[] => {
    if (at.comment.includes(RETIRED)) {
      for (const { model, text: attribute } of attributes)
        if (model === at.model && new RegExp(`\\b${at.name}\\b`).test(attribute))
          notes.push(`${model}: take ${at.name} out of ${attribute}.`);
      return [{ at: at.first, remove: at.line - at.first + 1, insert: [] }];
    }
    const comment = at.comment.map(withoutMode);
    if (comment.join('\n') === at.comment.join('\n')) return [];
    return [written(at, comment, at.code)];
  });
  const kept = fields.flatMap(({ model, name, comment }): RewrittenField[] =>
    comment.some((line) => withoutMode(line) !== line) ? [{ model, field: name, hash: null }] : [],
  );
  return { edits, fields: kept, notes };
}

/** An annotation without `mode: migrating`; an argument list that is left empty goes. */
function withoutMode(line: string): string {
  if (!line.startsWith('@encrypted')) return line;
  return line
    .replace(/\(\s*mode:\s*migrating\s*\)/, '')
    .replace(/,\s*mode:\s*migrating\b/, '')
    .replace(/\bmode:\s*migrating\s*,\s*/, '');
}

function editsOf(
  one: Annotated,
  all: readonly Annotated[],
  fields: readonly SchemaField[],
  notes: string[],
): LineEdit[] {
  const { at, encrypted, hash, rest } = one;
  const place = `${at.model}.${at.name}`;
  if (encrypted !== null && hash !== null)
    notes.push(`${place} is encrypted and holds a hash: that cannot be served; choose one.`);
  if (encrypted !== null) {
    if (at.type.replace('?', '') !== 'String')
      notes.push(`${place} is no String: prisma-field-encryption did not encrypt it. Look at what its rows hold.`);
    if (encrypted.mode === 'readonly')
      notes.push(`${place} was readonly: rows written since then hold plaintext. Accept unrecognized values for it.`);
    return [written(at, [...rest, '@encrypted(mode: migrating)'], at.code)];
  }
  if (hash === null) return [written(at, rest, at.code)];
  const source = fields.find(({ model, name }) => model === at.model && name === hash.source);
  const encryptedSource = all.some((other) => other.at === source && other.encrypted !== null);
  if (!encryptedSource) {
    notes.push(`${place} is the hash of ${hash.source}, which is not encrypted: it was left as it is.`);
    return [];
  }
  const superseded = all.some(
    (other) =>
      other !== one && other.at.model === at.model && other.hash?.source === hash.source && other.at.line > at.line,
  );
  const unknown = hash.normalize.filter((name) => !Object.hasOwn(NORMALIZERS, name));
  if (unknown.length > 0)
    notes.push(
      `${place} normalises by ${unknown.join(', ')}, which Fieldseal does not have: give it a normaliser of your own, or do without.`,
    );
  // A hash that is required could not stay empty in new rows.
  const optional = at.type === 'String' ? at.code.replace(/(\s)String(?=\s|$)/, '$1String?') : at.code;
  if (optional !== at.code) notes.push(`${place} becomes optional, since new rows have no hash: it needs a migration.`);
  const old = written(at, [...rest, RETIRED], optional);
  if (superseded) return [old];
  return [{ ...old, insert: [...old.insert, ...indexLines(at, hash, fields)] }];
}

/** The field for index terms, behind the field of hashes and unique where that is. */
function indexLines(
  at: SchemaField,
  { source, normalize }: NonNullable<PrismaAnnotations['hash']>,
  fields: readonly SchemaField[],
): string[] {
  const indent = /^\s*/.exec(at.code)?.[0] ?? '';
  const known = normalize.map((name) => NORMALIZERS[name]).filter((name) => name !== undefined);
  // Theirs lowercases before it trims, whatever the order of the annotation; for these two the order does not matter.
  const normalizers = known.length > 0 ? `, normalize: [${[...new Set(known)].join(', ')}]` : '';
  const unique = /(?:^|\s)@unique\b/.test(at.attributes) ? ' @unique' : '';
  return [
    `${indent}/// @blindIndex(of: ${source}${normalizers})`,
    `${indent}${indexName(at.model, source, fields)} String?${unique}`,
  ];
}

function indexName(model: string, source: string, fields: readonly SchemaField[]): string {
  const taken = (name: string): boolean => fields.some((field) => field.model === model && field.name === name);
  return taken(`${source}Index`) ? `${source}BlindIndex` : `${source}Index`;
}

/** Constraints and indexes over hash columns get a twin over the columns of terms. */
function blockEdits(
  annotated: readonly Annotated[],
  attributes: readonly BlockAttribute[],
  fields: readonly SchemaField[],
  notes: string[],
): LineEdit[] {
  return attributes.flatMap(({ model, line, text }): LineEdit[] => {
    const inside = annotated.filter(
      ({ at, hash }) => hash !== null && at.model === model && new RegExp(`\\b${at.name}\\b`).test(text),
    );
    if (inside.length === 0) return [];
    if (!/^@@(?:unique|index)\(\s*\[[\w\s,]*\]\s*\)$/.test(text)) {
      notes.push(`${model}: write ${text} by hand once more, over the column of terms.`);
      return [];
    }
    const twin = inside.reduce(
      (made, { at, hash }) =>
        made.replace(new RegExp(`\\b${at.name}\\b`), indexName(model, hash?.source ?? '', fields)),
      text,
    );
    return [{ at: line + 1, remove: 0, insert: [`  ${twin}`] }];
  });
}

function written(at: SchemaField, comment: readonly string[], code: string): LineEdit {
  const indent = /^\s*/.exec(at.code)?.[0] ?? '';
  return {
    at: at.first,
    remove: at.line - at.first + 1,
    insert: [...comment.map((line) => `${indent}/// ${line}`), code],
  };
}
