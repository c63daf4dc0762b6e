import { expect, it } from 'vitest';
import { applyEdits, finishSchema, rewriteSchema, unifiedDiff } from '../src/index.ts';

const THEIRS = `datasource db {
  provider = "sqlite" // "///" in a text: "a /// b"
}
generator encryption {
  provider = "prisma-field-encryption"
}
model User {
  id        Int     @id @default(autoincrement()) /// @encryption:cursor
  /// The address @encrypted?mode=strict of the user
  email     String  @unique
  emailHash String? @unique /// @encryption:hash(email)?algorithm=sha256&normalize=lowercase&normalize=trim
  name      String? @default("a /// @encrypted b") @map("full_name") /// @encrypted
  note      String? /// @encrypted?readonly
  /// @encryption:hash(note)?normalize=diacritics
  noteHash  String
  city      String  // @encrypted in a comment that is none
  org       Int
  @@unique([org, emailHash])
  @@index(fields: [emailHash], map: "by_email")
}
model Plain {
  id Int @id
}
`;

const OURS = `model User {
  id        Int     @id @default(autoincrement())
  /// The address of the user
  /// @encrypted(mode: migrating)
  email     String  @unique
  /// Hash of prisma-field-encryption. Fieldseal reads it until the backfill is done, and never writes it.
  emailHash String? @unique
  /// @blindIndex(of: email, normalize: [lowercase, trim])
  emailIndex String? @unique
  /// @encrypted(mode: migrating)
  name      String? @default("a /// @encrypted b") @map("full_name")
  /// @encrypted(mode: migrating)
  note      String?
  /// Hash of prisma-field-encryption. Fieldseal reads it until the backfill is done, and never writes it.
  noteHash  String?
  /// @blindIndex(of: note)
  noteIndex String?
  city      String  // @encrypted in a comment that is none
  org       Int
  @@unique([org, emailHash])
  @@unique([org, emailIndex])
  @@index(fields: [emailHash], map: "by_email")
}`;

const modelOf = (text: string) => text.slice(text.indexOf('model User'), text.indexOf('model Plain')).trim();

it('rewrites the annotations of prisma-field-encryption, and nothing else', () => {
  const { edits, fields, notes } = rewriteSchema(THEIRS);
  const rewritten = applyEdits(THEIRS, edits);
  expect(modelOf(rewritten)).toBe(OURS);
  expect(rewritten.replace(OURS, '')).toBe(THEIRS.replace(modelOf(THEIRS), ''));
  expect(fields).toEqual([
    { model: 'User', field: 'email', hash: 'emailHash' },
    { model: 'User', field: 'name', hash: null },
    { model: 'User', field: 'note', hash: 'noteHash' },
  ]);
  expect(notes.map((note) => note.split(/[ :]/)[0])).toEqual([
    'User.note',
    'User.noteHash',
    'User.noteHash',
    'User',
    'Remove',
  ]);
  // A second time there is nothing to do.
  expect(rewriteSchema(rewritten).edits).toEqual([]);
});

it('finishes: the mode goes, and the fields of hashes', () => {
  const finished = finishSchema(applyEdits(THEIRS, rewriteSchema(THEIRS).edits));
  const text = applyEdits(applyEdits(THEIRS, rewriteSchema(THEIRS).edits), finished.edits);
  expect(text).not.toMatch(/migrating|Hash (String|of)/);
  expect(modelOf(text)).toContain('  /// @encrypted\n  email     String  @unique\n  /// @blindIndex');
  expect(finished.fields.map(({ field }) => field)).toEqual(['email', 'name', 'note']);
  expect(finished.notes).toEqual([
    'User: take emailHash out of @@unique([org, emailHash]).',
    'User: take emailHash out of @@index(fields: [emailHash], map: "by_email").',
  ]);
  expect(finishSchema(text).edits).toEqual([]);
});

it.each([
  ['@encrypted(mode: migrating)', '@encrypted'],
  ['@encrypted( mode:migrating )', '@encrypted'],
  ['@encrypted(mode: migrating, pad: 64)', '@encrypted(pad: 64)'],
  ['@encrypted(bind: [id], mode: migrating, pad: 64)', '@encrypted(bind: [id], pad: 64)'],
  ['@encrypted(name: "mode", mode: migrating)', '@encrypted(name: "mode")'],
])('takes the mode out of %s', (before, after) => {
  const text = `model A {\n  /// ${before}\n  a String\n}\n`;
  expect(applyEdits(text, finishSchema(text).edits)).toBe(`model A {\n  /// ${after}\n  a String\n}\n`);
});

it.each([
  ['readonly', '@encrypted(mode: readonly)'],
  ['running text', 'About mode: migrating'],
  ['another annotation', '@other(mode: migrating)'],
])('leaves %s alone', (_, comment) => {
  expect(finishSchema(`model A {\n  /// ${comment}\n  a String\n}\n`).edits).toEqual([]);
});

it.each([
  ['an encrypted field that also holds a hash', 'a String /// @encrypted @encryption:hash(b)', /choose one/],
  ['a hash of a plain field', 'a String\n  h String? /// @encryption:hash(a)', /not encrypted/],
  ['an encrypted field of another type', 'a Int /// @encrypted', /no String/],
])('tells of %s', (_, lines, note) => {
  expect(rewriteSchema(`model A {\n  ${lines}\n}\n`).notes).toEqual([expect.stringMatching(note)]);
});

it('takes the last of two hashes of a field, and another name where that of the index is taken', () => {
  const text =
    'model A {\n  a String /// @encrypted\n  h String? /// @encryption:hash(a)\n  i String? /// @encryption:hash(a)\n  aIndex Int\n}\n';
  const { edits, fields } = rewriteSchema(text);
  expect(fields).toEqual([{ model: 'A', field: 'a', hash: 'i' }]);
  expect(applyEdits(text, edits).match(/@blindIndex.*\n.*/g)).toEqual(['@blindIndex(of: a)\n  aBlindIndex String?']);
});

it('keeps line endings, and shows edits as a unified diff', () => {
  const text = `${Array.from({ length: 20 }, (_, at) => `  // ${at}`).join('\r\n')}\r\n`;
  const edits = [
    { at: 2, remove: 1, insert: ['two', 'more'] },
    { at: 15, remove: 2, insert: [] },
  ];
  expect(applyEdits(text, edits).split('\r\n')).toHaveLength(20);
  expect(unifiedDiff('a.prisma', text.replaceAll('\r', ''), edits)).toEqual([
    '--- a/a.prisma',
    '+++ b/a.prisma',
    '@@ -1,6 +1,7 @@',
    '   // 0',
    '   // 1',
    '-  // 2',
    '+two',
    '+more',
    '   // 3',
    '   // 4',
    '   // 5',
    '@@ -13,8 +14,6 @@',
    '   // 12',
    '   // 13',
    '   // 14',
    '-  // 15',
    '-  // 16',
    '   // 17',
    '   // 18',
    '   // 19',
  ]);
  expect(unifiedDiff('a.prisma', text, [])).toEqual([]);
});
