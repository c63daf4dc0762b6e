import { FieldsealError, type SqlClient } from '@fieldseal/core';
import type { BackupTarget } from './target.ts';

/** Bytes of a row of the table. */
const PART_BYTES = 192 * 1024;

/** Part number of the row that says that all others are there; its content is how many there are. */
const WHOLE = -1;

/** Statement that makes the table of backups, in every dialect. */
export const BACKUP_TABLE: string =
  'CREATE TABLE IF NOT EXISTS fieldseal_backup (name VARCHAR(100) NOT NULL, part INTEGER NOT NULL, content TEXT NOT NULL, PRIMARY KEY (name, part))';

/** The same for MySQL, whose TEXT ends at 64 KiB. */
export const BACKUP_TABLE_MYSQL: string = BACKUP_TABLE.replace('content TEXT', 'content MEDIUMTEXT');

/**
 * Backups in a table of another database, for small ones: a keyring and its keysets. The database that the backup is of is the wrong place.
 *
 * @example
 * ```ts
 * await pool.query(BACKUP_TABLE);
 * const target = sqlTarget(pgClient(pool));
 * ```
 */
export function sqlTarget(client: SqlClient): BackupTarget {
  const place = (number: number): string => (client.dialect === 'postgresql' ? `$${number}` : '?');
  const tried = async <T>(message: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof FieldsealError) throw cause;
      throw new FieldsealError('ERR_BACKUP_TARGET', message, { cause });
    }
  };
  const insert = (name: string, part: number, content: string): Promise<number> =>
    client.execute(
      `INSERT INTO fieldseal_backup (name, part, content) VALUES (${place(1)}, ${place(2)}, ${place(3)})`,
      [name, part, content],
    );
  const remove = (name: string): Promise<number> =>
    client.execute(`DELETE FROM fieldseal_backup WHERE name = ${place(1)}`, [name]);
  const part = async (name: string, number: number): Promise<string> => {
    const [row] = await client.rows(
      `SELECT content FROM fieldseal_backup WHERE name = ${place(1)} AND part = ${place(2)}`,
      [name, number],
    );
    if (row === undefined)
      throw new FieldsealError('ERR_BACKUP_TARGET', 'a backup, or a part of one, is not in its table');
    return String(row['content']);
  };
  return {
    label: 'the table fieldseal_backup',
    list: () =>
      tried('the table of backups cannot be read', async () => {
        const rows = await client.rows(`SELECT name FROM fieldseal_backup WHERE part = ${WHOLE} ORDER BY name`, []);
        return rows.map((row) => String(row['name']));
      }),
    write: (name, content) =>
      tried('a backup cannot be written to its table', async () => {
        await remove(name); // the remains of a process that was killed
        try {
          let count = 0;
          for await (const piece of pieces(content)) await insert(name, count++, piece.toString('base64'));
          await insert(name, WHOLE, String(count));
        } catch (error) {
          await remove(name).catch(() => undefined);
          throw error;
        }
      }),
    read: async function* (name) {
      const read = (number: number): Promise<string> =>
        tried('a backup cannot be read from its table', () => part(name, number));
      const count = Number(await read(WHOLE));
      for (let number = 0; number < count; number++) yield Buffer.from(await read(number), 'base64');
    },
    remove: (name) => tried('a backup cannot be removed from its table', async () => void (await remove(name))),
  };
}

/** The same bytes in pieces of {@link PART_BYTES}, of which the last may be shorter. */
async function* pieces(content: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const bytes of content) {
    rest = Buffer.concat([rest, bytes]);
    for (; rest.length >= PART_BYTES; rest = rest.subarray(PART_BYTES)) yield rest.subarray(0, PART_BYTES);
  }
  if (rest.length > 0) yield rest;
}
