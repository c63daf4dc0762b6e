import { FieldsealError } from '@fieldseal/core';
import type { SqlDialect, SqlQuery } from '../alerts/sql-alert-store.ts';
import type { AuditSink, AuditWitness } from './audit-sink.ts';

/** Options of {@link sqlAuditSink} and {@link sqlWitness}. */
export interface SqlAuditOptions {
  readonly dialect: SqlDialect;
  /** Runs a statement; see sqlAlertStore. */
  readonly query: SqlQuery;
  /** Name of the log: several may share the tables. */
  readonly log: string;
}

/** Entries that are read at once. */
const PAGE = 1000;

/** The tables that {@link sqlAuditSink} and {@link sqlWitness} need. Grant the application INSERT and SELECT on them, and nothing else. */
export function auditTables(): readonly string[] {
  const table = (name: string, columns: string): string => `CREATE TABLE IF NOT EXISTS ${name} (${columns})`;
  return [
    table(
      'fieldseal_audit',
      'log VARCHAR(128) NOT NULL, seq BIGINT NOT NULL, line VARCHAR(2000) NOT NULL, PRIMARY KEY (log, seq)',
    ),
    table(
      'fieldseal_checkpoint',
      'log VARCHAR(128) NOT NULL, at BIGINT NOT NULL, id VARCHAR(64) NOT NULL, note VARCHAR(2000) NOT NULL, PRIMARY KEY (log, id)',
    ),
  ];
}

/** A sink in a table. An entry whose place is taken by another one is refused: two processes must not write one log. */
export function sqlAuditSink({ dialect, query, log }: SqlAuditOptions): AuditSink {
  const mark = marks(dialect);
  const read = async (from: number, limit: number): Promise<readonly string[]> => {
    const sql = `SELECT line FROM fieldseal_audit WHERE log = ${mark(1)} AND seq >= ${mark(2)} ORDER BY seq LIMIT ${limit}`;
    return texts(await query(sql, [log, from]), 'line');
  };
  async function* lines(): AsyncGenerator<string> {
    for (let from = 0; ; from += PAGE) {
      const page = await read(from, PAGE);
      yield* page;
      if (page.length < PAGE) return;
    }
  }
  return {
    name: 'sql',
    stores: true,
    open: async () => {
      await read(0, 1).catch((error: unknown) => {
        throw new FieldsealError('ERR_AUDIT_SINK', 'the table of the audit log cannot be read', { cause: error });
      });
      return { lines: { [Symbol.asyncIterator]: lines }, torn: false };
    },
    append: async (entries) => {
      const rows = entries.map((_, at) => `(${mark(at * 3 + 1)}, ${mark(at * 3 + 2)}, ${mark(at * 3 + 3)})`);
      const params = entries.flatMap(({ entry, line }) => [log, entry.seq, line]);
      const sql = `INSERT INTO fieldseal_audit (log, seq, line) VALUES ${rows.join(', ')} ${unlessThere(dialect, 'seq')}`;
      await query(sql, params);
      const [first] = entries;
      const stored = await read(first?.entry.seq ?? 0, entries.length);
      if (entries.some(({ line }, at) => line !== stored[at]))
        throw new FieldsealError('ERR_AUDIT_DAMAGED', 'the table of the audit log holds other entries at these places');
    },
    close: async () => undefined,
  };
}

/** A witness in a table, which belongs in another database than the log. */
export function sqlWitness({ dialect, query, log }: SqlAuditOptions): AuditWitness {
  const mark = marks(dialect);
  return {
    name: 'sql',
    add: async (note) => {
      const id = note.slice(-64).replaceAll('\n', ''); // the end of the signature: a note that is sent twice is kept once
      const columns = `(log, at, id, note) VALUES (${[1, 2, 3, 4].map(mark).join(', ')})`;
      await query(`INSERT INTO fieldseal_checkpoint ${columns} ${unlessThere(dialect, 'id')}`, [
        log,
        Date.now(),
        id,
        note,
      ]);
    },
    notes: async () =>
      texts(await query(`SELECT note FROM fieldseal_checkpoint WHERE log = ${mark(1)} ORDER BY at`, [log]), 'note'),
  };
}

function marks(dialect: SqlDialect): (at: number) => string {
  return (at) => (dialect === 'postgresql' ? `$${at}` : '?');
}

function unlessThere(dialect: SqlDialect, column: string): string {
  return dialect === 'mysql' ? `ON DUPLICATE KEY UPDATE ${column} = ${column}` : 'ON CONFLICT DO NOTHING';
}

function texts(rows: unknown, column: string): string[] {
  return [...(rows as Iterable<Readonly<Record<string, unknown>>>)].map((row) => String(row[column]));
}
