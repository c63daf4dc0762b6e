import type { Target } from '../harness.ts';
import type { Field, Index, Relation, Scalar, Shape } from './shape.ts';

type Database = Target['database'];

/** Which side of a comparison: with annotations, or with columns of the values' own types. */
export type Side = 'plain' | 'encrypted';

/** The scope of all rows, where a comparison has one scope: both sides store it, and the annotated one takes it for what it is. */
export const TENANT = 'tenant-1';

/** Types of columns as Prisma's migrations make them. */
const COLUMNS: Readonly<Record<Database, Readonly<Record<Scalar, string>>>> = {
  sqlite: {
    String: 'TEXT',
    Int: 'INTEGER',
    BigInt: 'BIGINT',
    Float: 'REAL',
    Decimal: 'DECIMAL',
    Boolean: 'BOOLEAN',
    DateTime: 'DATETIME',
    Json: 'JSONB',
    Bytes: 'BLOB',
  },
  postgresql: {
    String: 'TEXT',
    Int: 'INTEGER',
    BigInt: 'BIGINT',
    Float: 'DOUBLE PRECISION',
    Decimal: 'DECIMAL(65,30)',
    Boolean: 'BOOLEAN',
    DateTime: 'TIMESTAMP(3)',
    Json: 'JSONB',
    Bytes: 'BYTEA',
  },
  mysql: {
    String: 'VARCHAR(191) COLLATE utf8mb4_nopad_bin', // as a blind index compares: neither case nor trailing spaces are folded
    Int: 'INTEGER',
    BigInt: 'BIGINT',
    Float: 'DOUBLE',
    Decimal: 'DECIMAL(65,30)',
    Boolean: 'BOOLEAN',
    DateTime: 'DATETIME(3)',
    Json: 'JSON',
    Bytes: 'LONGBLOB',
  },
};

/** schema.prisma of one side; with a tenant, every model has a column for it, whose default it is. */
export function schemaText(
  database: Database,
  shapes: readonly Shape[],
  side: Side,
  tenant: string | null = null,
): string {
  const models = shapes.map((shape) => {
    const lines = [
      'id String @id',
      ...(tenant === null ? [] : scopeLines(shape, side, tenant)),
      ...shape.fields.flatMap((field) => fieldLines(database, field, side)),
      ...(shape.pair === null || side === 'plain'
        ? []
        : [
            `/// @blindIndex(of: [${shape.pair.fields.map(({ name }) => name).join(', ')}])`,
            `${shape.pair.index} String?`,
          ]),
      ...(side === 'plain' ? [] : shape.fields.flatMap((field) => indexLines(shape, field))),
      ...shape.relations.flatMap(relationLines),
      ...(shape.compound === null
        ? []
        : [`@@unique([${compoundColumns(shape.compound.fields, side)}], name: "${shape.compound.name}")`]),
    ];
    const tables = side === 'plain' ? [] : termTables(shape).map(({ text }) => text);
    return [`model ${shape.name} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`, ...tables].join('\n');
  });
  return `datasource db {\n  provider = "${database}"\n}\n\n${models.join('\n')}`;
}

/** Statements that make the tables of one side. */
export function ddl(database: Database, shapes: readonly Shape[], side: Side, tenant: string | null = null): string[] {
  const quote = (name: string) => (database === 'mysql' ? `\`${name}\`` : `"${name}"`);
  const id = `${COLUMNS[database].String} NOT NULL`;
  const foreign = (column: string, to: string, rule: string) =>
    `FOREIGN KEY (${quote(column)}) REFERENCES ${quote(to)} (${quote('id')}) ON DELETE ${rule} ON UPDATE CASCADE`;
  const tables = shapes.map((shape) => {
    const keys = shape.relations.filter(({ key }) => key !== null);
    const parts = [
      `${quote('id')} ${id} PRIMARY KEY`,
      ...(tenant === null ? [] : [`${quote('tenantId')} ${id} DEFAULT '${tenant}'`]),
      ...shape.fields.flatMap((field) => columns(database, field, side, quote)),
      ...(shape.pair === null || side === 'plain' ? [] : [`${quote(shape.pair.index)} ${COLUMNS[database].String}`]),
      ...keys.map(
        ({ key, required, unique }) =>
          `${quote(key as string)} ${COLUMNS[database].String}${required ? ' NOT NULL' : ''}${unique ? ' UNIQUE' : ''}`,
      ),
      ...(shape.compound === null
        ? []
        : [`UNIQUE (${compoundColumns(shape.compound.fields, side).split(', ').map(quote).join(', ')})`]),
      ...keys.map(({ key, to, required }) => foreign(key as string, to, required ? 'RESTRICT' : 'SET NULL')),
    ];
    return `CREATE TABLE ${quote(shape.name)} (${parts.join(', ')})`;
  });
  const joins = shapes.flatMap((shape) =>
    shape.relations
      .filter(({ name }) => name === 'peers')
      .map(({ label, to }) => {
        // Prisma orders the two models of a join table by name.
        const sides = [
          `${quote('A')} ${id}`,
          `${quote('B')} ${id}`,
          foreign('A', shape.name, 'CASCADE'),
          foreign('B', to, 'CASCADE'),
        ];
        return `CREATE TABLE ${quote(`_${label}`)} (${sides.join(', ')}, PRIMARY KEY (${quote('A')}, ${quote('B')}))`;
      }),
  );
  const serial = {
    sqlite: 'INTEGER PRIMARY KEY',
    postgresql: 'SERIAL PRIMARY KEY',
    mysql: 'INTEGER AUTO_INCREMENT PRIMARY KEY',
  };
  const terms = (side === 'plain' ? [] : shapes).flatMap((shape) =>
    termTables(shape).map(({ name }) => {
      const parts = [
        `${quote('id')} ${serial[database]}`,
        `${quote('term')} ${COLUMNS[database].String} NOT NULL`,
        `${quote('rowId')} ${id}`,
        foreign('rowId', shape.name, 'CASCADE'),
      ];
      return `CREATE TABLE ${quote(name)} (${parts.join(', ')})`;
    }),
  );
  return [...tables, ...joins, ...terms];
}

/** Statements that delete all rows. */
export function emptying(database: Database, shapes: readonly Shape[]): string[] {
  const quote = (name: string) => (database === 'mysql' ? `\`${name}\`` : `"${name}"`);
  const optional = shapes.flatMap(({ name, relations }) =>
    relations.flatMap(({ key, required }) =>
      key === null || required ? [] : [`UPDATE ${quote(name)} SET ${quote(key)} = NULL`],
    ),
  );
  const order = ['Beta', 'Gamma', 'Alpha'].filter((name) => shapes.some((shape) => shape.name === name));
  return [...optional, ...order.map((name) => `DELETE FROM ${quote(name)}`)];
}

function scopeLines({ fields }: Shape, side: Side, tenant: string): string[] {
  const annotated = side === 'encrypted' && fields.some(({ cell }) => cell !== null);
  return [...(annotated ? ['/// @scope'] : []), `tenantId String @default("${tenant}")`];
}

function fieldLines(database: Database, { name, type, list, required, cell }: Field, side: Side): string[] {
  const suffix = list ? '[]' : required ? '' : '?';
  if (cell === null || side === 'plain')
    return [`${name} ${type}${suffix}${cell?.indexes.some(({ unique }) => unique) ? ' @unique' : ''}`];
  const args = [
    ...(cell.column === type ? [] : [`type: ${type}`]),
    ...(cell.pad === null ? [] : [`pad: ${cell.pad}`]),
    ...(cell.bind ? ['bind: [id]'] : []),
  ];
  return [
    `/// @encrypted${args.length === 0 ? '' : `(${args.join(', ')})`}`,
    `${name} ${cell.column}${suffix}${database === 'mysql' && cell.column === 'String' ? ' @db.Text' : ''}`,
  ];
}

/** Names of the tables of terms, with the models. */
function termTables({ name, fields }: Shape): { readonly name: string; readonly text: string }[] {
  const indexes = fields.flatMap(({ cell }) => cell?.indexes ?? []).filter(({ storage }) => storage === 'table');
  return indexes.map((index) => {
    const table = termTable(name, index);
    const lines = [
      'id Int @id @default(autoincrement())',
      'term String',
      'rowId String',
      `row ${name} @relation(fields: [rowId], references: [id], onDelete: Cascade)`,
    ];
    return { name: table, text: `model ${table} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n` };
  });
}

/** Names of the tables that hold terms of a model. */
export const termTableNames = (shape: Shape): string[] => termTables(shape).map(({ name }) => name);

const termTable = (model: string, { name }: Index) => `${model}_${name}`;

function indexLines(shape: Shape, { name, cell }: Field): string[] {
  return (cell?.indexes ?? []).flatMap((index) => {
    const { name: column, normalize, unique, args, storage } = index;
    const parts = [
      `of: ${name}`,
      ...(args === '' ? [] : [args]),
      ...(normalize.length === 0 ? [] : [`normalize: [${normalize.join(', ')}]`]),
    ];
    const type =
      storage === 'table' ? `${termTable(shape.name, index)}[]` : storage === 'list' ? 'String[]' : 'String?';
    return [`/// @blindIndex(${parts.join(', ')})`, `${column} ${type}${unique ? ' @unique' : ''}`];
  });
}

function relationLines({ name, to, list, key, required, unique, label }: Relation): string[] {
  if (key === null) return [`${name} ${to}${list ? '[]' : '?'} @relation("${label}")`];
  const optional = required ? '' : '?';
  return [
    `${key} String${optional}${unique ? ' @unique' : ''}`,
    `${name} ${to}${optional} @relation("${label}", fields: [${key}], references: [id])`,
  ];
}

function columns(
  database: Database,
  { name, type, list, required, cell }: Field,
  side: Side,
  quote: (name: string) => string,
): string[] {
  const types = COLUMNS[database];
  const end = `${list ? '[]' : ''}${required && !list ? ' NOT NULL' : ''}`;
  if (cell === null || side === 'plain')
    return [`${quote(name)} ${types[type]}${end}${cell?.indexes.some(({ unique }) => unique) ? ' UNIQUE' : ''}`];
  const text = database === 'mysql' ? 'TEXT' : types.String;
  return [
    `${quote(name)} ${cell.column === 'String' ? text : types[cell.column]}${end}`,
    ...cell.indexes
      .filter(({ storage }) => storage !== 'table')
      .map(
        ({ name: index, storage, unique }) =>
          `${quote(index)} ${types.String}${storage === 'list' ? '[]' : ''}${unique ? ' UNIQUE' : ''}`,
      ),
  ];
}

function compoundColumns(fields: readonly Field[], side: Side): string {
  return fields.map(({ name, cell }) => (side === 'encrypted' ? (cell?.indexes[0]?.name ?? name) : name)).join(', ');
}
