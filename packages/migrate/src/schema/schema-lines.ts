/** A field of a model with the lines that it stands on. Numbers count from 0. */
export interface SchemaField {
  readonly model: string;
  readonly name: string;
  /** Type, with `?` or `[]` behind it. */
  readonly type: string;
  /** Everything behind the type, without comments. */
  readonly attributes: string;
  /** Lines of its comment, without the slashes: those above it, and the one behind it. */
  readonly comment: readonly string[];
  /** First line of the comment above it, or its own. */
  readonly first: number;
  /** Its own line. */
  readonly line: number;
  /** Its own line without a triple-slash comment behind it. */
  readonly code: string;
}

/** A `@@` attribute of a model. */
export interface BlockAttribute {
  readonly model: string;
  readonly line: number;
  readonly text: string;
}

const MODEL = /^\s*model\s+(\w+)\s*\{/;
const FIELD = /^\s*(\w+)\s+(\w+(?:\[\]|\?)?)(?=\s|$)(.*)$/;

/** Fields and block attributes of the models in the text of a schema, which has passed Prisma's own parser. */
export function schemaLines(text: string): {
  readonly fields: readonly SchemaField[];
  readonly attributes: readonly BlockAttribute[];
} {
  const fields: SchemaField[] = [];
  const attributes: BlockAttribute[] = [];
  let model: string | null = null;
  let comment: string[] = [];
  for (const [line, raw] of text.split(/\r?\n/).entries()) {
    const { code, documentation } = splitLine(raw);
    const bare = code.trim();
    if (model === null) model = MODEL.exec(code)?.[1] ?? null;
    else if (bare === '}') model = null;
    else if (bare.startsWith('@@')) attributes.push({ model, line, text: bare });
    else if (bare === '' && documentation !== null) {
      comment.push(documentation);
      continue;
    } else {
      const [, name, type, rest = ''] = FIELD.exec(code) ?? [];
      const behind = documentation === null ? [] : [documentation];
      if (name !== undefined && type !== undefined)
        fields.push({
          model,
          name,
          type,
          attributes: rest.trim(),
          comment: [...comment, ...behind],
          first: line - comment.length,
          line,
          code: code.trimEnd(),
        });
    }
    comment = [];
  }
  return { fields, attributes };
}

/** The code of a line and its triple-slash comment. Slashes inside a text in double quotes begin none. */
function splitLine(line: string): { readonly code: string; readonly documentation: string | null } {
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '\\' && quoted) at++;
    else if (line[at] === '"') quoted = !quoted;
    else if (!quoted && line.startsWith('///', at))
      return { code: line.slice(0, at), documentation: line.slice(at + 3).trim() };
    else if (!quoted && line.startsWith('//', at)) return { code: line.slice(0, at), documentation: null };
  }
  return { code: line, documentation: null };
}
