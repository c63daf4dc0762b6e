import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Project, type Provider, type Sealed, sealed } from './doctor-project.ts';
import { openTarget, startServer, stopServers, type Target } from './doctor-target.ts';

afterAll(stopServers);

/** Terms of many values in lists on PostgreSQL, in a table elsewhere, and of several fields. */
function schemaOf(provider: Provider): string {
  const text = provider === 'mysql' ? ' @db.Text' : '';
  const list = provider === 'postgresql';
  return `datasource db {
  provider = "${provider}"
}
model Person {
  id      String  @id @map("person_id")
  /// @encrypted
  name    String?${text}
  /// @blindIndex(of: name, kind: ngram)
  grams   ${list ? 'String[]' : 'Gram[]'}
  /// @encrypted
  last    String?${text}
  /// @encrypted
  born    String?${text}
  /// @blindIndex(of: [last, born])
  both    String? @map("both_term")
  @@index([both])
  @@map("people")
}
${list ? '' : 'model Gram {\n  id Int @id @default(autoincrement())\n  term String @map("gram")\n  personId String @map("person")\n  person Person @relation(fields: [personId], references: [id], onDelete: Cascade)\n  @@index([term])\n  @@map("grams")\n}'}
`;
}

const term = (version: number | string, digit = 'a'): string => `${version}.${digit.repeat(32)}`;

describe.each(['sqlite', 'postgresql', 'mysql'] as const)('terms on %s', (provider) => {
  const lists = provider === 'postgresql';
  let project: Project;
  let target: Target;
  let ours: Sealed;
  let serial = 0;
  beforeAll(async () => {
    await startServer(provider);
    project = new Project();
    target = await openTarget(provider, project);
    project.env['DATABASE_URL'] = target.url;
    project.schema(schemaOf(provider));
    ours = await sealed(await project.keyring());
    const [text, id] = provider === 'mysql' ? ['TEXT', 'VARCHAR(191)'] : ['TEXT', 'TEXT'];
    const grams = lists ? ', "grams" TEXT[]' : '';
    await target.run(
      `CREATE TABLE "people" ("person_id" ${id} NOT NULL PRIMARY KEY, "name" ${text}, "last" ${text}, "born" ${text}, "both_term" ${id}${grams})`,
    );
    await target.run('CREATE INDEX "both_idx" ON "people" ("both_term")');
    if (!lists)
      await target.run(
        `CREATE TABLE "grams" ("id" INTEGER PRIMARY KEY, "gram" ${id} NOT NULL, "person" ${id} NOT NULL)`,
      );
  }, 60_000);
  afterAll(async () => {
    await target.close();
    project.remove();
  });
  beforeEach(async () => {
    await target.run('DELETE FROM "people"');
    if (!lists) await target.run('DELETE FROM "grams"');
    await person('healthy', { name: true, grams: [term(1), term(1, 'b')], last: true, born: true, both: term(1) });
    await person('empty', {});
    await person('half', { last: true });
  });

  interface Person {
    readonly name?: boolean;
    readonly grams?: readonly string[];
    readonly last?: boolean;
    readonly born?: boolean;
    readonly both?: string;
  }
  const person = async (id: string, { name, grams = [], last, born, both }: Person): Promise<void> => {
    const cell = (there: boolean | undefined): string => (there === true ? `'${ours.text(id)}'` : 'NULL');
    const texts = grams.map((each) => `'${each}'`).join(', ');
    const values = [`'${id}'`, cell(name), cell(last), cell(born), both === undefined ? 'NULL' : `'${both}'`];
    if (lists) values.push(`ARRAY[${texts}]::text[]`);
    const columns = '"person_id", "name", "last", "born", "both_term"';
    await target.run(`INSERT INTO "people" (${columns}${lists ? ', "grams"' : ''}) VALUES (${values.join(', ')})`);
    if (lists) return;
    for (const each of grams)
      await target.run(`INSERT INTO "grams" ("id", "gram", "person") VALUES (${serial++}, '${each}', '${id}')`);
  };
  const found = async (...argv: string[]): Promise<unknown[]> => {
    const findings = await project.findings(...argv);
    return findings
      .filter(({ id }) => id.startsWith('index.term') || id === 'rows.unread')
      .map(({ id, severity, place, rows }) => [id, severity, place, rows]);
  };

  test('that are right are no finding', async () => {
    expect(await found()).toEqual([]);
  });

  const FAULTS: readonly [what: string, row: Person, id: string, severity: string, field: string][] = [
    ['no term of a text', { name: true }, 'index.term-none', 'note', 'grams'],
    ['terms without a value', { grams: [term(1), term(1, 'b')] }, 'index.term-orphan', 'error', 'grams'],
    ['plaintext among terms', { name: true, grams: [term(1), 'Ada'] }, 'index.term-malformed', 'error', 'grams'],
    ['terms of two roots', { name: true, grams: [term(1), term(7)] }, 'index.term-version', 'error', 'grams'],
    ['no term of two fields', { last: true, born: true }, 'index.term-missing', 'error', 'both'],
    ['a term of one field', { last: true, both: term(1) }, 'index.term-orphan', 'error', 'both'],
    ['plaintext for a term', { last: true, born: true, both: 'Ng' }, 'index.term-malformed', 'error', 'both'],
    ['an older root', { last: true, born: true, both: term(9) }, 'index.term-version', 'error', 'both'],
  ];
  test.each(FAULTS)('%s', async (_, row, id, severity, field) => {
    await person('bad', row);
    expect(await found()).toEqual([[id, severity, `Person.${field}`, 1]]);
    expect(await found('--sample', '100')).toEqual([[id, severity, `Person.${field}`, 1]]);
  });
});
