/**
 * Writes the tables of docs/prisma.md that say what every query does on an encrypted field, from the data that the code walks queries by:
 *
 *     node scripts/docs.mjs            writes them between their markers
 *     node scripts/docs.mjs --check    only says whether they are current
 *
 * Expects the packages to be built.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const WALK = '../packages/prisma-extension/dist/walk';
const PAGE = new URL('../docs/prisma.md', import.meta.url);
const [BEGIN, END] = ['<!-- written by scripts/docs.mjs -->', '<!-- /written -->'];

/** What an argument is, by its rule in the grammar. */
const RULES = {
  plain: 'passed on',
  where: 'filter, served by blind indexes',
  unique: 'names one row, by an encrypted field through its unique index',
  attempt: 'names one row, by an encrypted field through its unique index; with `mode: migrating` by plaintext too',
  target: 'names one row of a list relation; filters a to-one relation',
  create: 'values of new rows: encrypted, index columns beside them',
  createMany: 'values of new rows: encrypted, index columns beside them; refused where an index has a table of its own',
  update: 'changes: encrypted, index columns beside them',
  updateMany:
    'changes of all rows that match, equal in all: encrypted, index columns beside them; refused where an index has a table of its own',
  selection: 'walked to any depth; a relation in it takes the arguments of `findMany`',
  orderBy: 'refused on an encrypted field, through relations too',
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

const page = readFileSync(PAGE, 'utf8');
const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
if (begin < 0 || end < begin) throw new Error(`docs/prisma.md lacks the markers ${BEGIN} and ${END}`);
const current = `${page.slice(0, begin)}${BEGIN}\n\n${await tables()}\n\n${page.slice(end)}`;
const flag = process.argv[2];
if (flag !== undefined && flag !== '--check') throw new Error('usage: node scripts/docs.mjs [--check]');
if (flag === undefined) writeFileSync(PAGE, current);
else if (current !== page) {
  process.stderr.write(`${fileURLToPath(PAGE)} is not current: run \`node scripts/docs.mjs\`\n`);
  process.exitCode = 1;
}
