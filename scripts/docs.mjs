/**
 * Writes tables of the documentation from the data that the code itself uses: in docs/prisma.md what every query does on an encrypted field, in
 * docs/search.md what kinds of index and normalisers there are:
 *
 *     node scripts/docs.mjs            writes them between their markers
 *     node scripts/docs.mjs --check    only says whether they are current
 *
 * Expects the packages to be built.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const WALK = '../packages/prisma-extension/dist/walk';
const CORE = '../packages/core/dist';
const END = '<!-- /written -->';

/** What an argument is, by its rule in the grammar. */
const RULES = {
  plain: 'passed on',
  where: 'filter, served by blind indexes',
  unique: 'names one row, by an encrypted field through its unique index',
  cursor: 'names one row by values, by an encrypted field through its unique index',
  attempt: 'names one row, by an encrypted field through its unique index; with `mode: migrating` by plaintext too',
  target: 'names one row of a list relation; filters a to-one relation',
  create: 'values of new rows: encrypted, index columns beside them',
  createMany: 'values of new rows: encrypted, index columns beside them; refused where an index has a table of its own',
  update: 'changes: encrypted, index columns beside them',
  updateMany:
    'changes of all rows that match, equal in all: encrypted, index columns beside them; refused where an index has a table of its own',
  selection: 'walked to any depth; a relation in it takes the arguments of `findMany`',
  orderBy:
    'refused on an encrypted field, through relations too; pages of `findMany` and `findFirst` are ordered by a range index',
  distinct: 'by the exact index of an encrypted field',
  by: 'by the exact index of an encrypted field',
  aggregate: 'refused on an encrypted field',
  having: 'refused on an encrypted field',
};

/** Operations that belong to no model. The extension never touches their SQL or their rows. */
const RAW = ['$queryRaw', '$queryRawUnsafe', '$queryRawTyped', '$executeRaw', '$executeRawUnsafe'];

const code = (text) => `\`${text}\``;
const codes = (texts) => texts.map(code).join(', ');

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

function ruleText(rule) {
  if (!Object.hasOwn(RULES, rule)) throw new Error(`scripts/docs.mjs has no text for the rule ${rule}`);
  return RULES[rule];
}

/** Groups the items of a list by a key, in the order of first appearance. */
function groups(items, keyOf) {
  const found = new Map();
  for (const item of items) found.set(keyOf(item), [...(found.get(keyOf(item)) ?? []), item]);
  return found;
}

function operationTable(operations) {
  const entries = Object.entries(operations).map(([name, { arguments: args, rows }]) => ({
    name,
    args: codes(Object.keys(args)),
    gives: rows ? 'rows, decrypted' : name === 'groupBy' ? 'groups, the fields of `by` decrypted' : 'numbers',
  }));
  const rows = [...groups(entries, ({ args, gives }) => args + gives).values()].map((same) => [
    codes(same.map(({ name }) => name)),
    same[0].args,
    same[0].gives,
  ]);
  return table(['operation', 'arguments', 'gives'], [...rows, [codes(RAW), 'SQL, untouched', 'what is stored']]);
}

/** An argument that is not the same everywhere names its operations. */
function argumentTable(operations) {
  const uses = Object.entries(operations).flatMap(([operation, { arguments: args }]) =>
    Object.entries(args).map(([argument, rule]) => ({ operation, argument, rule })),
  );
  const entries = [...groups(uses, ({ argument, rule }) => `${argument} ${rule}`).values()].map((same) => {
    const [{ argument, rule }] = same;
    const alone = uses.every((use) => use.argument !== argument || use.rule === rule);
    return { argument, rule, of: alone ? '' : codes(same.map(({ operation }) => operation)) };
  });
  const rows = [...groups(entries, ({ rule, of }) => rule + of).values()].map((same) => [
    codes(same.map(({ argument }) => argument)),
    same[0].of,
    ruleText(same[0].rule),
  ]);
  return table(['argument', 'of', 'is'], rows);
}

function nestedTable(writes) {
  const rows = Object.entries(writes).map(([name, shape]) => {
    const parts =
      typeof shape === 'string'
        ? [ruleText(shape)]
        : Object.entries(shape).map(([part, rule]) => `${code(part)}: ${ruleText(rule)}`);
    return [code(name), parts.join('<br>')];
  });
  return table(['nested write', 'is'], rows);
}

/** Shapes with the same answers share a row. */
function behaviourTable(rows, kinds) {
  const columns = Object.keys(kinds).filter((kind) => rows.some(({ verdicts }) => kind in verdicts));
  const answers = ({ verdicts }) => columns.map((kind) => verdicts[kind] ?? '');
  const query = ({ operation, shape }) =>
    code(operation === 'findMany' && shape.startsWith('where') ? shape : `${operation}({ ${shape} })`);
  const lines = [...groups(rows, (row) => answers(row).join()).values()].map((same) => [
    same.map(query).join('<br>'),
    ...answers(same[0]),
  ]);
  return table(['query', ...columns.map((kind) => kinds[kind])], lines);
}

async function tables() {
  const { OPERATIONS, NESTED_WRITES } = await import(`${WALK}/grammar.js`);
  const { BEHAVIOURS, FIELD_KINDS } = await import(`${WALK}/behaviours.js`);
  const sections = [
    ['Operations', operationTable(OPERATIONS)],
    ['Arguments', argumentTable(OPERATIONS)],
    ['Nested writes', nestedTable(NESTED_WRITES)],
    ...BEHAVIOURS.map(({ title, rows }) => [title, behaviourTable(rows, FIELD_KINDS)]),
  ];
  return sections.map(([title, text]) => `### ${title}\n\n${text}`).join('\n\n');
}

/** What each kind of index is for, costs and shows. What it serves is asked of the code. */
const KINDS = [
  {
    title: '`equality`',
    options: {},
    column: '`String?`',
    cost: 'one term; a search looks for one',
    shows: 'which rows are equal, and so how often each value occurs',
  },
  {
    title: '`equality` with `partitions: p`',
    options: { partitions: 4 },
    column: '`String?`',
    cost: 'one term; a search looks for p',
    shows: 'the same, in p parts of about equal size for every value',
  },
  {
    title: '`equality` over several fields',
    options: { several: true },
    column: '`String?`',
    cost: 'one term; a search looks for one, and gives all of the fields',
    shows: 'which rows are equal in all of the fields',
  },
  {
    title: '`prefix` with `min`, `max`',
    options: { kind: 'prefix', min: 2, max: 3 },
    column: 'many; `String?` where `min` is `max`',
    cost: 'up to max − min + 1 terms; a search looks for one',
    shows: 'which rows begin alike, for how long, and how long short texts are',
  },
  {
    title: '`suffix` with `min`, `max`',
    options: { kind: 'suffix', min: 2, max: 3 },
    column: 'many; `String?` where `min` is `max`',
    cost: 'up to max − min + 1 terms; a search looks for one',
    shows: 'which rows end alike, for how long, and how long short texts are',
  },
  {
    title: '`ngram` with `n` (3)',
    options: { kind: 'ngram', n: 3 },
    column: 'many',
    cost: 'about a term for each character; a search looks for about as many as the needle has',
    shows: 'which rows have parts in common, how often each part occurs, and about how long texts are',
  },
  {
    title: '`range` with `from`, `to`, `step`',
    options: { kind: 'range', range: { from: '0', to: '10', step: '1' } },
    type: 'Int',
    column: '`String?`',
    cost: 'one term; a search looks for one in each bucket that it touches',
    shows: 'which rows are in the same bucket, and so how full each is',
  },
];

/** A search of each operator, of which values of the two types are long enough for every kind. */
const SEARCHES = {
  String: [
    ['equals', { equals: 'abcd' }],
    ['contains', { contains: 'abcd' }],
    ['startsWith', { startsWith: 'abcd' }],
    ['endsWith', { endsWith: 'abcd' }],
  ],
  Int: [
    ['equals', { equals: 5 }],
    ...['gt', 'gte', 'lt', 'lte'].map((operator) => [operator, { range: { [operator]: 5 } }]),
  ],
};

async function kindTable() {
  const { defineIndex, serves } = await import(`${CORE}/index.js`);
  const rows = KINDS.map(({ title, options: { several, ...options }, type = 'String', column, cost, shows }) => {
    const source = { model: 'A', field: 'a', context: { model: 'A', field: 'a' }, column: 'String', type, pad: null };
    const sources = several ? [source, source] : [source];
    const index = defineIndex({ model: 'A', column: 'i', name: 'i', sources, ...options });
    const served = SEARCHES[type].flatMap(([operator, search]) => {
      const given = several && 'equals' in search ? { equals: ['a', 'b'] } : search;
      if (!serves(index, given)) return [];
      return operator === 'equals' && !several ? ['equals', 'in'] : [operator];
    });
    return [title, codes(served), column, cost, shows];
  });
  return table(['kind', 'serves', 'column', 'costs', 'shows'], rows);
}

async function normalizerTable() {
  const { NORMALIZERS } = await import(`${CORE}/index.js`);
  return table(
    ['normaliser', 'does'],
    Object.entries(NORMALIZERS).map(([name, { does }]) => [code(name), does]),
  );
}

/** Pages with what is written into them, by the marker that it stands behind. */
const PAGES = [
  { file: 'prisma.md', parts: [['<!-- written by scripts/docs.mjs -->', tables]] },
  {
    file: 'search.md',
    parts: [
      ['<!-- written by scripts/docs.mjs: kinds -->', kindTable],
      ['<!-- written by scripts/docs.mjs: normalisers -->', normalizerTable],
    ],
  },
];

async function written(text, file, [begin, make]) {
  const from = text.indexOf(begin);
  const to = text.indexOf(END, from);
  if (from < 0 || to < 0) throw new Error(`docs/${file} lacks the markers ${begin} and ${END}`);
  return `${text.slice(0, from)}${begin}\n\n${await make()}\n\n${text.slice(to)}`;
}

const flag = process.argv[2];
if (flag !== undefined && flag !== '--check') throw new Error('usage: node scripts/docs.mjs [--check]');
for (const { file, parts } of PAGES) {
  const url = new URL(`../docs/${file}`, import.meta.url);
  const page = readFileSync(url, 'utf8');
  let current = page;
  for (const part of parts) current = await written(current, file, part);
  if (flag === undefined) writeFileSync(url, current);
  else if (current !== page) {
    process.stderr.write(`${fileURLToPath(url)} is not current: run \`node scripts/docs.mjs\`\n`);
    process.exitCode = 1;
  }
}
