/** Programs that use retyped clients, with an error expected on every line that must not compile. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { generate, schemaText, temporaryFolder } from './retype-harness.ts';

const here = dirname(fileURLToPath(import.meta.url));
const programs = join(here, 'types');
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const folder = temporaryFolder();

const DATABASES = ['sqlite', 'postgresql', 'mysql'] as const;
const GENERATORS = { client: 'client.ts', js: 'index.js' } as const;
const TARGETS = DATABASES.flatMap((database) =>
  (Object.keys(GENERATORS) as (keyof typeof GENERATORS)[]).map((generator) => ({ database, generator })),
);
type Target = (typeof TARGETS)[number];

/** Programs that are not for every client. */
const ONLY: Readonly<Record<string, Partial<Target>>> = {
  'lists.ts': { database: 'postgresql' },
  'relevance.ts': { database: 'mysql' },
  'json.ts': { generator: 'client' },
};

function programsOf({ database, generator }: Target): string[] {
  return readdirSync(programs).filter((file) => {
    const only = ONLY[file] ?? {};
    return (only.database ?? database) === database && (only.generator ?? generator) === generator;
  });
}

/** Compiles files in a folder of their own; returns what the compiler says. */
function compile(name: string, files: Readonly<Record<string, string>>, options: object = {}) {
  const target = join(folder, name);
  mkdirSync(target, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(target, file), text);
  const compilerOptions = {
    noEmit: true,
    composite: false,
    incremental: false,
    rootDir: '/',
    ...options,
  };
  const config = { extends: join(here, 'tsconfig.json'), include: ['**/*.ts'], references: [], compilerOptions };
  writeFileSync(join(target, 'tsconfig.json'), JSON.stringify(config));
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', target], { cwd: target, encoding: 'utf8' });
  return { status, output: stdout };
}

/** The programs with the client of a target in place of the one that they name. */
function textsFor(target: Target, folder = join(here, 'generated', `${target.database}-${target.generator}`)) {
  const client = join(folder, GENERATORS[target.generator]);
  const own = programsOf(target).map((file) => {
    const text = readFileSync(join(programs, file), 'utf8');
    return [
      file,
      text
        .replaceAll(/\.\.\/generated\/\w+-client\/client\.ts/g, client)
        .replaceAll('../../src/', `${join(here, '../src')}/`),
    ];
  });
  return Object.fromEntries(own) as Record<string, string>;
}

describe.each(TARGETS)('the types of $database with prisma-$generator', (target) => {
  const name = `${target.database}-${target.generator}`;

  it('take what the extension takes, and nothing else', () => {
    const texts = textsFor(target);
    const expected =
      Object.values(texts)
        .join('\n')
        .match(/@ts-expect-error/g) ?? [];
    expect(expected.length).toBeGreaterThan(80);
    expect(compile(name, texts)).toEqual({ status: 0, output: '' });
  });

  it('are sound themselves', () => {
    // The files ask the compiler not to look at them.
    const copy = join(folder, `${name}-checked`);
    const source = join(here, 'generated', name);
    cpSync(source, copy, { recursive: true });
    const models =
      target.generator === 'client' ? readdirSync(join(copy, 'models')).map((file) => join('models', file)) : [];
    for (const file of models) {
      const text = readFileSync(join(copy, file), 'utf8');
      expect(text).toContain('// @ts-nocheck');
      writeFileSync(join(copy, file), text.replace('// @ts-nocheck', ''));
    }
    const options = { skipLibCheck: false, types: [] };
    const ours = ({ output }: { output: string }) =>
      output.split('\n').filter((line) => /^(?:models\/\w+|index\.d)\.ts\(/.test(line) || /^index\.d\.ts\(/.test(line));
    expect(ours(compile(`${name}-checked`, {}, options))).toEqual([]);
    const broken = models.find((file) => file.endsWith('Typed.ts')) ?? 'index.d.ts';
    const text = readFileSync(join(copy, broken), 'utf8');
    writeFileSync(join(copy, broken), text.replaceAll('$Enums.Role | null', '$Enums.Roll | null'));
    expect(ours(compile(`${name}-checked`, {}, options))).not.toEqual([]);
  });
});

it('a program that is wrong does not compile', () => {
  const wrong = "import { a, same } from './client.ts';\nsame(a<Date | null>(), a<string | null>());\n";
  const texts = textsFor({ database: 'sqlite', generator: 'client' });
  const { status, output } = compile('control', { 'client.ts': texts['client.ts'] as string, 'wrong.ts': wrong });
  expect(output).toContain('wrong.ts(2,');
  expect(status).not.toBe(0);
});

it.each(['client', 'js'] as const)(
  'the programs do not compile with prisma-%s as Prisma writes it',
  (generator) => {
    const path = join(folder, 'untyped');
    mkdirSync(path, { recursive: true });
    const schema = readFileSync(join(here, 'schemas/postgresql/schema.prisma'), 'utf8');
    const models = schema.replaceAll(/^(?:generator|datasource) \w+ \{[^}]*\}$/gm, '');
    expect(generate(path, schemaText(models, { provider: 'postgresql', own: 'retype = "false"' }))).toMatchObject({
      status: 0,
    });
    const { status, output } = compile(
      `untyped-${generator}`,
      textsFor({ database: 'postgresql', generator }, join(path, generator)),
    );
    expect(status).not.toBe(0);
    for (const file of ['reads', 'writes', 'filters', 'order', 'lists']) expect(output).toContain(`${file}.ts(`);
  },
  300_000,
);

it.each(['client', 'js'] as const)(
  'what names the scope of a row may be left out with prisma-%s, and nothing else',
  (generator) => {
    const models = `
    model Tenant {
      id    String @id
      users User[]
    }
    model User {
      id       Int    @id
      /// @scope
      tenantId String
      tenant   Tenant @relation(fields: [tenantId], references: [id])
      name     String
      /// @encrypted
      email    String?
    }
    model Ledger {
      id     Int    @id
      /// @scope
      book   BigInt
      /// @encrypted
      amount String
    }`;
    const path = join(folder, 'scoped');
    mkdirSync(path, { recursive: true });
    expect(generate(path, schemaText(models))).toMatchObject({ status: 0 });
    const program = `
import type { PrismaClient } from '${join(path, generator, GENERATORS[generator])}';
declare const db: PrismaClient;
const user = { id: 1, name: 'Ada' };
await db.user.create({ data: user });
await db.user.create({ data: { ...user, tenantId: 'a' } });
await db.user.create({ data: { ...user, tenant: { connect: { id: 'a' } } } });
await db.user.createMany({ data: [user, { ...user, tenantId: 'a' }] });
await db.tenant.update({ where: { id: 'a' }, data: { users: { create: user } } });
await db.user.upsert({ where: { id: 1 }, create: user, update: {} });
await db.ledger.create({ data: { id: 1, amount: '1' } });
await db.ledger.create({ data: { id: 1, book: 7n, amount: '1' } });
// @ts-expect-error a field that names no scope is asked for
await db.user.create({ data: { id: 1 } });
// @ts-expect-error a scope has its own type
await db.user.create({ data: { ...user, tenantId: 7 } });
// @ts-expect-error an encrypted field is asked for
await db.ledger.create({ data: { id: 1, book: 7n } });
export {};
`;
    expect(compile(`scoped-${generator}`, { 'program.ts': program })).toEqual({ status: 0, output: '' });
  },
);
