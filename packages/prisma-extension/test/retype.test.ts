import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { clientsOf, type GeneratorBlock, retypeClients } from '../src/generator/client-files.ts';
import { rewriteClient } from '../src/generator/client-text.ts';
import { planEdits, type TypeDmmf } from '../src/generator/edit-plan.ts';
import type { LineEdit } from '../src/generator/line-edit.ts';
import { readSchemaMap } from '../src/schema/read-schema.ts';
import { generate, schemaText, temporaryFolder } from './retype-harness.ts';

const here = dirname(fileURLToPath(import.meta.url));
const folder = temporaryFolder();
const place = (name: string) => {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
};
/** The models of a test schema, without its generators and its database. */
const modelsOf = (database: string) =>
  readFileSync(join(here, 'schemas', database, 'schema.prisma'), 'utf8').replaceAll(
    /^(?:generator|datasource) \w+ \{[^}]*\}$/gm,
    '',
  );

/** Texts of the files of a client that have types, by their path. The schema's own text is in one of them. */
function typesIn(client: string): Map<string, string> {
  const names = readdirSync(client, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return new Map(names.sort().map((name) => [name, withoutSwitch(readFileSync(join(client, name), 'utf8'))]));
}

function withoutSwitch(text: string): string {
  return text.replace('\\n  retype   = \\"false\\"', '');
}

describe.each(['sqlite', 'postgresql', 'mysql'])('retyping of %s', (provider) => {
  const path = place(provider);
  const models = modelsOf(provider);
  const before = new Map<string, Map<string, string>>();
  const after = new Map<string, Map<string, string>>();
  beforeAll(() => {
    for (const [texts, own] of [
      [before, 'retype = "false"'],
      [after, ''],
    ] as const) {
      const { status, output } = generate(path, schemaText(models, { provider, own }));
      expect(output).toContain('Fieldseal schema map');
      expect(status).toBe(0);
      for (const kind of ['client', 'js']) texts.set(kind, typesIn(join(path, kind)));
    }
  });

  it.each(['client', 'js'])('changes no line of prisma-%s that names no annotated field', (kind) => {
    const map = readSchemaMap(schemaText(models, { provider }));
    const annotated = Object.values(map.models).flatMap(({ encrypted, indexes, terms }) => [
      ...Object.keys(encrypted),
      ...Object.keys(indexes),
      ...Object.keys(terms),
    ]);
    const names = new RegExp(`\\b(?:${annotated.join('|')})\\b`);
    // The names of fields that these take stand elsewhere.
    const lists = /^\s+(?:by|distinct\?|fields): (?:Prisma\.)?\w+(?:Scalar|OrderByRelevance)FieldEnum\b/;
    let changes = 0;
    expect([...(after.get(kind)?.keys() ?? [])]).toEqual([...(before.get(kind)?.keys() ?? [])]);
    for (const [file, text] of before.get(kind) ?? []) {
      const rewritten = after.get(kind)?.get(file) ?? '';
      if (rewritten === text) continue;
      const [mark, ...lines] = rewritten.split('\n');
      expect(mark).toMatch(/^\/\/ Retyped by the fieldseal generator \([0-9a-f]{32}\)\./);
      const old = text.split('\n');
      for (const [at, line] of old.entries()) {
        if (lines[at] === line) continue;
        changes++;
        expect(names.test(line) || lists.test(line), `${file}: ${line}`).toBe(true);
      }
      for (const line of lines.slice(old.length)) expect(line).toMatch(/^(?:export type \w+FieldsealFilter<.*)?$/);
    }
    expect(changes).toBeGreaterThan(500);
  });

  it('leaves the programs of the clients as they are', () => {
    for (const kind of ['client', 'js']) {
      for (const file of typesIn(join(path, kind)).keys()) {
        const types = /^(?:models\/\w+|index\.d)\.ts$/.test(file);
        if (!types) expect(after.get(kind)?.get(file)).toBe(before.get(kind)?.get(file));
      }
    }
    expect(readdirSync(join(path, 'client', 'models')).filter((file) => file.endsWith('.fieldseal'))).toEqual([]);
  });

  it('gives the same text when it runs again, after the clients or alone', () => {
    for (const args of [[], ['--generator', 'fieldseal']]) {
      expect(generate(path, schemaText(models, { provider }), ...args).status).toBe(0);
      for (const kind of ['client', 'js']) expect(typesIn(join(path, kind)), kind).toEqual(after.get(kind));
    }
  });
});

describe('the plan', () => {
  const models = `
    model User {
      id      Int     @id
      /// @encrypted
      set     String
      /// @blindIndex(of: set)
      setTerm String? @unique
      /// @encrypted
      blob    Bytes
      /// @encrypted
      json    Json
      /// @encrypted(type: Json)
      text    String
      orgId   Int
      org     Org     @relation(fields: [orgId], references: [id])
      posts   Post[]
      @@unique([orgId, setTerm], name: "byOrg")
    }
    model Org {
      id    Int @id
      users User[]
    }
    model UserCreate {
      id     Int @id
      /// @encrypted(type: Int)
      search String?
      /// @encrypted(mode: readonly)
      old    String
    }
    model Post {
      id     Int @id
      data   String /// @encrypted(type: Decimal)
      name   String /// @encrypted
      scalars Bytes /// @encrypted
      userId Int
      user   User @relation(fields: [userId], references: [id])
    }
    view Info {
      id    Int    @unique
      /// @encrypted
      email String
    }`;
  const path = place('plan');
  const skip = 'previewFeatures = ["strictUndefinedChecks", "fullTextSearchPostgres", "views"]';
  beforeAll(() => {
    const schema = schemaText(models, {
      provider: 'postgresql',
      client: `${skip}\n  generatedFileExtension = "mts"`,
      js: skip,
    });
    expect(generate(path, schema)).toMatchObject({ status: 0 });
  });
  const line = (type: string, key: string) => {
    const texts = [`client/models/${type.startsWith('UserCreateC') ? 'UserCreate' : 'User'}.mts`, 'js/index.d.ts'].map(
      (file) => readFileSync(join(path, file), 'utf8'),
    );
    return texts.map((text) => {
      const body = text.split(`export type ${type} = `)[1]?.split(/^\s*\}/m)[0] ?? '';
      return new RegExp(`^\\s+${key}(\\??: .*)$`, 'm').exec(body)?.[1]?.replace('$Types.', 'runtime.Types.');
    });
  };

  it.each([
    ['UserCreateInput', 'set', [': string', ': string']],
    ['UserCreateInput', 'setTerm', ['?: never | runtime.Types.Skip', '?: never | runtime.Types.Skip']],
    ['UserUpdateInput', 'setTerm', ['?: never | runtime.Types.Skip', '?: never | runtime.Types.Skip']],
    ['UserWhereInput', 'blob', ['?: never | runtime.Types.Skip', '?: never | runtime.Types.Skip']],
    ['UserWhereInput', 'json', ['?: never | runtime.Types.Skip', '?: never | runtime.Types.Skip']],
    ['UserCreateWithoutPostsInput', 'text', Array(2).fill(': runtime.InputJsonValue | typeof Prisma.JsonNull')],
    ['UserCreateCreateInput', 'old', ['?: never', '?: never']],
    ['UserCreateCreateInput', 'search', Array(2).fill('?: number | null | runtime.Types.Skip')],
  ])('types %s.%s', (type, key, expected) => {
    expect(line(type, key)).toEqual(expected);
  });

  it('lets the field stand for its index column in a compound constraint, and name a unique row', () => {
    for (const file of ['client/models/User.mts', 'js/index.d.ts']) {
      const text = readFileSync(join(path, file), 'utf8');
      expect(text).toMatch(
        /^\s*\} & \(\{ set: string; setTerm\?: never \} \| \{ setTerm: string; set\?: never \}\) & \{$/m,
      );
      expect(text).toMatch(/^\s*\}, "id" \| "setTerm" \| "byOrg" \| "set">$/m);
    }
  });

  it('knows a type by its fields and not by its name alone', () => {
    const dmmf: TypeDmmf = {
      datamodel: { models: [] },
      schema: {
        inputObjectTypes: {
          prisma: [
            {
              name: 'PatientNovelInput',
              meta: { grouping: 'Patient' },
              constraints: {},
              fields: [{ name: 'email', inputTypes: [{ type: 'String', location: 'scalar' }] }],
            },
          ],
        },
        outputObjectTypes: { prisma: [], model: [] },
      },
    };
    const map = readSchemaMap('model Patient {\n  id Int @id\n  /// @encrypted\n  email String\n}');
    expect(() => planEdits(map, dmmf)).toThrow(expect.objectContaining({ code: 'ERR_SCHEMA', field: 'email' }));
    expect(planEdits(readSchemaMap('model Patient {\n  id Int @id\n}'), dmmf)).toEqual([]);
  });
});

describe('rewriting', () => {
  const edit: LineEdit = {
    model: 'A',
    block: 'AInput',
    key: 'x',
    expected: ['?: string | null'],
    becomes: '?: number',
  };
  const text = 'export type AInput = {\n  x?: string | null\n  y: string\n}\n';

  it('puts a mark at the top, and leaves a text with this mark alone', () => {
    const rewritten = rewriteClient(text, [edit], 'a.ts');
    expect(rewritten.split('\n').slice(1)).toEqual([
      'export type AInput = {',
      '  x?: number',
      '  y: string',
      '}',
      '',
      '',
    ]);
    expect(rewriteClient(rewritten, [edit], 'a.ts')).toBe(rewritten);
    expect(rewriteClient(text, [], 'a.ts')).toBe(text);
    expect(() => rewriteClient(rewritten, [{ ...edit, becomes: '?: bigint' }], 'a.ts')).toThrow('for another schema');
  });

  it.each([
    ['a type that is missing', text.replace('AInput', 'BInput'), 'AInput is not there once'],
    ['a type that is there twice', text + text, 'AInput is not there once'],
    ['a type without an end', text.replace(/^\}$/m, ''), 'AInput is not there once'],
    ['a line that is missing', text.replace('x?:', 'z?:'), 'x of AInput is not there once'],
    ['a line that is there twice', text.replace('y:', 'x:'), 'x of AInput is not there once'],
    ['a line that says more', text.replace('| null', '| null | Date'), 'not as expected'],
    ['a line that says less', text.replace(' | null', ''), 'not as expected'],
    ['a line that must be there', text.replace('x?:', 'x:'), 'not as expected'],
    ['a type of another name', text.replace('string | null', 'mystring | null'), 'not as expected'],
  ])('refuses %s', (_, wrong, message) => {
    expect(() => rewriteClient(wrong, [edit], 'a.ts')).toThrow(message);
    expect(() => rewriteClient(wrong, [edit], 'a.ts')).toThrow(expect.objectContaining({ code: 'ERR_SCHEMA' }));
  });

  it('refuses two edits of a line', () => {
    expect(() => rewriteClient(text, [edit, edit], 'a.ts')).toThrow('two edits');
  });
});

describe('clients', () => {
  const block = (name: string, provider: string, output: string, more = {}): GeneratorBlock => ({
    name,
    provider: { value: provider },
    output: { value: output },
    isCustomOutput: true,
    config: {},
    ...more,
  });
  const edit: LineEdit = { model: 'A', block: 'AInput', key: 'x', expected: [': string'], becomes: ': number' };
  const VERSION = '/**\n * Prisma Client JS version: 7.10.0\n */\n';
  const TYPES = 'export type AInput = {\n  x: string\n}\n';
  const write = (path: string, files: Readonly<Record<string, string>>) => {
    rmSync(path, { recursive: true, force: true });
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), text);
    }
    return path;
  };

  it('are retyped all together, or not at all', async () => {
    const one = write(place('one'), { 'internal/prismaNamespace.ts': VERSION, 'models/A.ts': TYPES });
    const two = write(place('two'), { 'index.d.ts': VERSION });
    const clients = [block('client', 'prisma-client', one), block('js', 'prisma-client-js', two)];
    await expect(retypeClients(clients, [edit])).rejects.toThrow('AInput is not there once');
    expect(readFileSync(join(one, 'models/A.ts'), 'utf8')).toBe(TYPES);
    writeFileSync(join(two, 'index.d.ts'), VERSION + TYPES);
    await retypeClients(clients, [edit]);
    expect(readFileSync(join(one, 'models/A.ts'), 'utf8')).toContain('x: number');
    expect(readFileSync(join(two, 'index.d.ts'), 'utf8')).toContain('x: number');
  });

  it('are found where Prisma writes them by default', async () => {
    const modules = write(place('node_modules'), { '.prisma/client/index.d.ts': VERSION + TYPES });
    const client = block('js', 'prisma-client-js', join(modules, '@prisma/client'), { isCustomOutput: undefined });
    await retypeClients([client], [edit]);
    expect(readFileSync(join(modules, '.prisma/client/index.d.ts'), 'utf8')).toContain('x: number');
  });

  it.each(['7.9.1', '7.11.0', '8.0.0', '7.10.0-dev.1', '17.10.0'])('of Prisma %s are refused', async (version) => {
    const path = write(place('version'), {
      'internal/prismaNamespace.ts': VERSION.replace('7.10.0', version),
      'models/A.ts': TYPES,
    });
    await expect(retypeClients([block('client', 'prisma-client', path)], [edit])).rejects.toMatchObject({
      code: 'ERR_SCHEMA',
      message: expect.stringContaining(`of Prisma ${version}`),
    });
    expect(readFileSync(join(path, 'models/A.ts'), 'utf8')).toBe(TYPES);
  });

  it.each([
    ['without a version', { 'internal/prismaNamespace.ts': '', 'models/A.ts': TYPES }, 'an unknown version'],
    ['without the file of a model', { 'internal/prismaNamespace.ts': VERSION }, 'models/A.ts'],
    ['that are not there', {}, 'prismaNamespace.ts'],
  ])('%s are refused', async (_, files, message) => {
    const path = write(place('missing'), files as Record<string, string>);
    await expect(retypeClients([block('client', 'prisma-client', path)], [edit])).rejects.toMatchObject({
      code: 'ERR_SCHEMA',
      message: expect.stringContaining(message),
    });
  });

  it('are generators of Prisma that stand above ours', () => {
    const schema = 'generator a {\n}\n  generator own {\n}\n// generator b {\ngenerator b {\n}\n';
    const [a, b] = [block('a', 'prisma-client', 'a'), block('b', 'prisma-client-js', 'b')];
    const other = block('b', 'somebody-elses', 'b');
    expect(clientsOf(schema, 'own', [a, other])).toEqual([a]);
    expect(() => clientsOf(schema, 'own', [a, b])).toThrow('the generator own stands above the generator b');
    expect(() => clientsOf(schema, 'own', [block('c', 'prisma-client', 'c')])).toThrow('above the generator c');
  });
});

it('the version of Prisma that is tested is the one that is typed', () => {
  expect(createRequire(import.meta.url)('prisma/package.json')).toMatchObject({
    version: expect.stringMatching(/^7\.10\./),
  });
});
