import { FieldCipher, type Keyring, type KeyView } from '@fieldseal/core';
import type { JobField, SqlDatabase } from '@fieldseal/core/jobs';
import { postgresPool } from '@fieldseal/testkit';
import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import { adapterDatabase, modelTable, SqlRowSource } from '../../src/jobs.ts';
import type { Corruption, FinalRow } from './checker.ts';

export const MODEL = 'Patient';

export const SCHEMA = `
datasource db {
  provider = "postgresql"
}
model Patient {
  id        Int      @id
  name      String
  /// @encrypted(bind: [id])
  email     String?
  /// @encrypted
  photo     Bytes?
  updatedAt DateTime @updatedAt
}
`;

const TABLES = [
  'CREATE TABLE "Patient" (id integer PRIMARY KEY, name text NOT NULL, email text, photo bytea, "updatedAt" timestamp(6) NOT NULL)',
  // What happened, written by the transactions that did it: only what was committed stands here.
  'CREATE TABLE row_log (at bigserial, actor text, row integer, touched boolean)',
  'CREATE TABLE chunk_log (at bigserial, actor text, ordinal bigint, attempt bigint, claimed boolean)',
  `CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO row_log (actor, row, touched) VALUES (current_setting('application_name'), NEW.id,
       (OLD.name, OLD."updatedAt", OLD.id) IS DISTINCT FROM (NEW.name, NEW."updatedAt", NEW.id));
     RETURN NULL; END $$`,
  'CREATE TRIGGER log_row AFTER UPDATE ON "Patient" FOR EACH ROW EXECUTE FUNCTION log_row()',
  `CREATE FUNCTION log_chunk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO chunk_log (actor, ordinal, attempt, claimed)
       VALUES (current_setting('application_name'), NEW.ordinal, NEW.attempt, NEW.attempt <> OLD.attempt);
     RETURN NULL; END $$`,
];

const CHUNK_TRIGGER =
  'CREATE TRIGGER log_chunk AFTER UPDATE ON fieldseal_job_chunk FOR EACH ROW EXECUTE FUNCTION log_chunk()';

const cipher = new FieldCipher();

/** The URL under a name that the log shows. */
export function urlAs(url: string, actor: string): string {
  const named = new URL(url);
  named.searchParams.set('application_name', actor);
  return named.href;
}

/** A table of patients in PostgreSQL that writes down who changes what. */
export class Clinic {
  readonly url: string;
  readonly keyring: Keyring;
  admin: Pool;
  readonly corrupted: Map<number, Corruption> = new Map();

  private constructor(url: string, keyring: Keyring) {
    this.url = url;
    this.keyring = keyring;
    this.admin = this.#pool();
  }

  #pool(): Pool {
    return postgresPool(urlAs(this.url, 'test'), 4);
  }

  /** A clinic with so many rows, whose values are `first <id>`. */
  static async open(url: string, keyring: Keyring, rows: number): Promise<Clinic> {
    const clinic = new Clinic(url, keyring);
    // The throwaway server acknowledges before it writes, for speed: a crash would lose what no job can keep.
    await clinic.admin.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = on`);
    await clinic.admin.end();
    clinic.admin = clinic.#pool();
    for (const table of TABLES) await clinic.admin.query(table);
    const view = await keyring.resolve('');
    for (let from = 0; from < rows; from += 500) {
      const ids = Array.from({ length: Math.min(500, rows - from) }, (_, at) => from + at);
      await clinic.#insert(view, ids);
    }
    return clinic;
  }

  /** Logs the chunks too; their table is made with the first job. */
  async watchChunks(): Promise<void> {
    await this.admin.query(CHUNK_TRIGGER);
  }

  async #insert(view: KeyView, ids: readonly number[]): Promise<void> {
    const emails = this.cells(
      view,
      ids.map((id) => [id, `first ${id}`]),
    );
    const photos = this.photos(view, ids);
    await this.admin.query(
      `INSERT INTO "Patient" SELECT i, 'Ada', e, p, '2026-01-02 03:04:05.678901' FROM unnest($1::int[], $2::text[], $3::bytea[]) AS t(i, e, p)`,
      [ids, emails, photos],
    );
  }

  /** Cells of emails, each bound to its row. */
  cells(view: KeyView, values: readonly (readonly [id: number, value: string])[]): string[] {
    const { spec } = fieldOf('email').form;
    const plain = values.map(([id, value]) => ({ spec, value, binding: [['id', String(id)]] as const }));
    return cipher.encrypt(view, plain) as string[];
  }

  photos(view: KeyView, ids: readonly number[]): Buffer[] {
    const { spec } = fieldOf('photo').form;
    return cipher
      .encrypt(
        view,
        ids.map((id) => ({ spec, value: Buffer.from(`photo ${id}`), binding: null })),
      )
      .map((cell) => Buffer.from(cell as Uint8Array));
  }

  /** Damages rows in several ways. */
  async corrupt(ids: readonly number[]): Promise<void> {
    for (const [at, id] of ids.entries()) {
      const { rows } = await this.admin.query('SELECT email FROM "Patient" WHERE id = $1', [id]);
      const cell = String(rows[0].email);
      const flipped = (place: number): string =>
        `${cell.slice(0, place)}${cell[place] === 'A' ? 'B' : 'A'}${cell.slice(place + 1)}`;
      const ways = [flipped(cell.length - 5), flipped(30), cell.slice(0, 30), 'plaintext', flipped(8)];
      const email = ways[at % ways.length] as string;
      await this.admin.query('UPDATE "Patient" SET email = $2 WHERE id = $1', [id, email]);
      this.corrupted.set(id, { email });
    }
  }

  /** The database of a job, seen under a name; and what closes it. */
  async database(actor: string): Promise<{ readonly database: SqlDatabase; close(): Promise<void> }> {
    const adapter = await new PrismaPg({ connectionString: urlAs(this.url, actor), max: 3 }).connect();
    return { database: adapterDatabase(adapter, 'postgresql'), close: () => adapter.dispose() };
  }

  source(database: SqlDatabase): SqlRowSource {
    return new SqlRowSource(database, modelTable({ schema: SCHEMA, model: MODEL, fields: ['email', 'photo'] }));
  }

  /** All rows as they are in the end, opened. */
  async finalRows(): Promise<FinalRow[]> {
    const view = await this.keyring.resolve('');
    const { rows } = await this.admin.query('SELECT id, email, photo FROM "Patient" ORDER BY id');
    return rows.map(({ id, email, photo }: { id: number; email: string; photo: Buffer }): FinalRow => {
      const open = (field: JobField, stored: unknown, binding: readonly (readonly [string, string])[] | null) => {
        try {
          const [cell] = cipher.parse([{ spec: field.form.spec, stored, binding }]);
          if (cell === undefined) return { value: null, keyId: null };
          return { value: cipher.decrypt(view, [cell])[0], keyId: cell.cell.keyId };
        } catch {
          return { value: null, keyId: null };
        }
      };
      const mail = open(fieldOf('email'), email, [['id', String(id)]]);
      const picture = open(fieldOf('photo'), Uint8Array.from(photo), null);
      return {
        id,
        stored: email,
        email: mail.value as string | null,
        photo: picture.value === null ? null : Buffer.from(picture.value as Uint8Array).toString(),
        keyIds: [mail.keyId, picture.keyId],
      };
    });
  }

  /** Rows in quarantine. */
  async quarantined(job: string): Promise<number[]> {
    const { rows } = await this.admin.query('SELECT row_key FROM fieldseal_job_quarantine WHERE job = $1', [job]);
    return rows.map(({ row_key: key }: { row_key: string }) => Number((JSON.parse(key) as string[])[0]));
  }

  async close(): Promise<void> {
    await this.admin.end();
  }
}

const FIELDS = modelTable({ schema: SCHEMA, model: MODEL }).fields;

function fieldOf(name: 'email' | 'photo'): JobField {
  return FIELDS.find(({ form }) => form.spec.field === name) as JobField;
}
