import { describe, expect, it } from 'vitest';
import { FindingCache } from '../src/guard/finding-cache.ts';
import { guardAdapter } from '../src/index.ts';
import { BYPASSES, HARMLESS_LOOKS, HIDDEN_COMPARISONS } from './guard-bypasses.ts';
import { BYTES, type Case, CELL, HEX, MAP, PLAIN, TERM, verdict } from './guard-cases.ts';

const BASE64 = Buffer.from(BYTES).toString('base64');
const bytes = { scalarType: 'bytes', arity: 'scalar' };
const bytesList = { scalarType: 'bytes', arity: 'list' };

const PASSES: readonly Case[] = [
  // rows of cells
  [
    'postgres',
    'INSERT INTO "public"."User" ("id","email","email_index") VALUES ($1,$2,$3) RETURNING "id"',
    [1, CELL, TERM],
  ],
  ['sqlite', 'INSERT INTO `main`.`User` (`id`, `email`) VALUES (?,?), (?,null)', [1, CELL, 2]],
  ['mysql', 'INSERT IGNORE INTO `User` (`email`,`photo`) VALUES (?,?)', [CELL, BASE64], [{}, bytes]],
  ['postgres', 'INSERT INTO "User" ("photo") VALUES ($1)', [BYTES]],
  ['postgres', 'INSERT INTO "User" ("photo") VALUES ($1)', [`\\x${HEX}`]],
  ['postgres', 'INSERT INTO "User" ("profile") VALUES ($1)', [`"${CELL}"`]],
  ['postgres', 'INSERT INTO "User" ("profile") VALUES ($1::jsonb)', ['null']],
  ['postgres', 'INSERT INTO "User" ("tags") VALUES ($1)', [[CELL, CELL]]],
  ['postgres', 'INSERT INTO "User" ("tags") VALUES (ARRAY[$1, $2]::text[])', [CELL, CELL]],
  ['postgres', `INSERT INTO "User" ("tags") VALUES ('{}')`],
  ['postgres', `INSERT INTO "User" (email, photo) VALUES ('${CELL}', '\\x${HEX}')`],
  ['sqlite', `INSERT INTO User (photo) VALUES (x'${HEX}')`],
  ['postgres', 'INSERT INTO "User" DEFAULT VALUES'],
  ['postgres', 'INSERT INTO "User" (id, email) VALUES ($2, $1)', [CELL, PLAIN]],
  ['postgres', 'INSERT INTO "User" ("name") SELECT email FROM "Contact"'],
  ['postgres', 'INSERT INTO "User" ("id", "email") SELECT id, $1 FROM "Contact"', [CELL]],
  ['postgres', 'INSERT INTO "User" ("id", "email") SELECT u.id + 1, u.email FROM "User" u'],
  [
    'postgres',
    'INSERT INTO "User" (email) VALUES ($1) ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email, name = $2',
    [CELL, PLAIN],
  ],
  [
    'mysql',
    'INSERT INTO User (email) VALUES (?) ON DUPLICATE KEY UPDATE email = VALUES(email), name = ?',
    [CELL, PLAIN],
  ],
  ['mysql', 'INSERT INTO User (email) VALUES (?) AS new ON DUPLICATE KEY UPDATE email = new.email', [CELL]],
  ['mysql', 'REPLACE INTO User SET email = ?, name = ?', [CELL, PLAIN]],
  [
    'postgres',
    'UPDATE "public"."User" SET "email" = $1, "name" = $2 WHERE ("public"."User"."email_index" = $3 AND 1=1)',
    [CELL, PLAIN, TERM],
  ],
  ['postgres', 'UPDATE "User" SET email = COALESCE(email, $1), name = $2', [CELL, PLAIN]],
  ['postgres', 'UPDATE "User" u SET email = CASE WHEN id = $1 THEN $2 ELSE u.email END', [1, CELL]],
  ['postgres', 'UPDATE "User" SET "tags" = "public"."User"."tags" || $1', [[CELL]]],
  ['postgres', 'UPDATE "User" SET tags[2] = $1', [CELL]],
  ['postgres', 'UPDATE "User" SET (email, name) = ($1, $2)', [CELL, PLAIN]],
  ['postgres', 'UPDATE "User" SET email = (SELECT x.email FROM "User" x WHERE x.id = 1)'],
  ['sqlserver', 'INSERT INTO [dbo].[User] ([email]) OUTPUT [Inserted].[id] VALUES (@P1)', [CELL]],
  ['mysql', 'SELECT 1 FROM User WHERE JSON_CONTAINS(profile, ?)', ['null']],
  ['postgres', `UPDATE "User" SET name = 1 /* a /* b */, email = 'ada' */ WHERE id = 1`],
  // other tables and columns
  ['postgres', 'SELECT 1 FROM "Contact" WHERE id IS DISTINCT FROM "User" AND email = $1', [PLAIN]],
  ['postgres', 'UPDATE "Contact" SET email = $1 FROM "User" WHERE "User".id = "Contact".id', [PLAIN]],
  ['postgres', 'INSERT INTO "Contact" (email) VALUES ($1)', [PLAIN]],
  ['postgres', 'UPDATE "user" SET email = $1', [PLAIN]],
  ['postgres', 'UPDATE public.secret_rows SET the_text = $1', [PLAIN]],
  ['postgres', 'SELECT * FROM "Contact" c JOIN "User" u ON u.id = c.id WHERE c.email = $1', [PLAIN]],
  ['postgres', 'SELECT * FROM "Contact" WHERE email = $1 AND id IN (SELECT id FROM "User")', [PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE name = $1 AND id = $2', [PLAIN, 1]],
  // comparisons with cells and terms
  ['postgres', 'SELECT * FROM "User" WHERE email = $1 AND email_index IN ($2,$3)', [CELL, TERM, TERM]],
  ['postgres', `SELECT count(*) FROM "User" WHERE "email" NOT LIKE 'fs1:%' AND length(email) > $1`, [10]],
  ['postgres', 'SELECT * FROM "User" WHERE ("id", "email_index") IN (($1,$2),($3,$4))', [1, TERM, 2, TERM]],
  ['postgres', 'SELECT * FROM "User" WHERE moving = $1 OR moving IN ($2)', [PLAIN, PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE email IS NULL AND email IS DISTINCT FROM $1 AND name = $2', [CELL, PLAIN]],
  ['postgres', 'DELETE FROM "User" WHERE name = $1', [PLAIN]],
  // statements that write no values
  ['postgres', `ALTER TABLE "User" ALTER COLUMN email SET DEFAULT 'x'`],
  [
    'sqlite',
    `CREATE TRIGGER t BEFORE INSERT ON "User" BEGIN SELECT RAISE(ABORT, 'no') WHERE NEW.email NOT LIKE 'fs1:%'; END`,
  ],
  ['postgres', 'COPY "User" (id, email) TO STDOUT'],
  ['postgres', 'COPY "User" (id, name) FROM STDIN'],
  ['postgres', 'DO $$ BEGIN PERFORM 1; END $$'],
  ['postgres', `SELECT 'UPDATE "User" SET email = ''x'''`],
];

const REFUSED: readonly Case[] = [
  ['postgres', 'INSERT INTO "public"."User" ("id","email") VALUES ($1,$2)', [1, PLAIN]],
  ['postgres', 'INSERT INTO "User" ("email") VALUES ($1)', []],
  ['postgres', 'INSERT INTO "User" ("email") VALUES ($1)', [5]],
  ['postgres', 'INSERT INTO "User" ("email") VALUES ($1)', [`${CELL}=`]],
  ['postgres', 'INSERT INTO "User" ("email") VALUES ($1)', [CELL.slice(0, 30)]],
  ['postgres', 'INSERT INTO "User" ("email") VALUES ($1)', [{ toString: () => CELL }]],
  ['postgres', 'INSERT INTO "User" ("email") VALUES ($1)', [[CELL]]],
  ['sqlite', 'INSERT INTO `main`.`User` (`id`, `email`) VALUES (?,?), (?,?)', [1, CELL, 2, PLAIN]],
  ['sqlite', 'INSERT OR IGNORE INTO user (EMAIL) VALUES (?)', [PLAIN]],
  ['sqlite', `INSERT INTO 'User' ('email') VALUES (?)`, [PLAIN]],
  ['sqlite', 'INSERT INTO [User] ([email]) VALUES (?1)', [PLAIN]],
  ['sqlite', 'INSERT INTO User (email) VALUES (:mail)', [PLAIN]],
  ['sqlite', 'INSERT INTO User (email) VALUES ("ada")'],
  ['mysql', 'INSERT INTO User VALUES (?, ?)', [1, CELL]],
  ['mysql', 'INSERT User (email) VALUE (?)', [PLAIN]],
  ['mysql', `INSERT INTO User (email) VALUES ("ada\\"")`],
  ['mysql', 'INSERT INTO User (email) VALUES (@mail)'],
  ['mysql', 'INSERT INTO User (email) VALUES (0x616461)'],
  ['mysql', 'REPLACE INTO User SET name = 1, email = ?', [PLAIN]],
  ['mysql', 'INSERT INTO User (email) VALUES (?) ON DUPLICATE KEY UPDATE email = ?', [CELL, PLAIN]],
  ['mysql', 'INSERT INTO User (email) VALUES (?) ON DUPLICATE KEY UPDATE email = VALUES(name)', [CELL]],
  ['sqlserver', 'INSERT INTO [dbo].[User] ([email]) VALUES (@P1)', [PLAIN]],
  ['sqlserver', 'UPDATE u SET email = @P1 FROM [User] u', [PLAIN]],
  ['postgres', `INSERT INTO "User" (email) VALUES ('ada')`],
  ['postgres', `INSERT INTO "User" (email) VALUES ($$ada$$)`],
  ['postgres', `INSERT INTO "User" (email) VALUES (E'ada')`],
  ['postgres', `INSERT INTO "User" (email) VALUES ($1 || 'x')`, [CELL]],
  ['postgres', 'INSERT INTO "User" (email) VALUES (lower($1))', [CELL]],
  ['postgres', 'INSERT INTO "User" (email) VALUES (encrypt($1))', [PLAIN]],
  ['postgres', 'INSERT INTO "User" (email) VALUES (name)'],
  ['postgres', 'INSERT INTO "User" (email, name) VALUES ($1)', [CELL]],
  ['postgres', 'INSERT INTO "User" ("photo") VALUES ($1)', [Buffer.from('x').toString('base64')], [bytes]],
  ['postgres', 'INSERT INTO "User" ("photo") VALUES ($1)', [BASE64]],
  ['postgres', 'INSERT INTO "User" ("photo") VALUES ($1)', [Buffer.from(PLAIN)]],
  ['postgres', 'INSERT INTO "User" ("profile") VALUES ($1)', ['{"a":1}']],
  ['postgres', 'INSERT INTO "User" ("profile") VALUES ($1)', [CELL]],
  ['postgres', 'INSERT INTO "User" ("profile") VALUES ($1)', [`["${CELL}"]`]],
  ['postgres', 'INSERT INTO "User" ("tags") VALUES ($1)', [[CELL, PLAIN]]],
  ['postgres', 'INSERT INTO "User" ("tags") VALUES ($1)', [CELL]],
  ['postgres', `INSERT INTO "User" ("tags") VALUES ('{ada}')`],
  ['postgres', 'INSERT INTO "User" ("tags") VALUES (ARRAY[$1, $2])', [CELL, PLAIN]],
  ['postgres', 'INSERT INTO "User" ("email_index") VALUES ($1)', [PLAIN]],
  ['postgres', 'INSERT INTO "User" ("email_index") VALUES ($1)', [CELL]],
  ['postgres', 'INSERT INTO "User" (id, email) SELECT id, email FROM "Contact"'],
  ['postgres', 'INSERT INTO "User" (id, email) SELECT * FROM "Contact"'],
  ['postgres', 'INSERT INTO "User" (id, email) SELECT 1, $1', [PLAIN]],
  ['postgres', 'INSERT INTO "User" (id, email) SELECT id, email FROM "User" UNION SELECT 1, name FROM "User"'],
  ['postgres', 'INSERT INTO "User" (id, email) SELECT t.id, t.email FROM (SELECT id, name AS email FROM "User") t'],
  ['postgres', 'INSERT INTO "User" (email) SELECT u.email FROM "User" AS u(id, email)'],
  ['postgres', 'INSERT INTO "User" (email) VALUES ($1) ON CONFLICT (id) DO UPDATE SET email = $2', [CELL, PLAIN]],
  ['postgres', 'INSERT INTO "User" (id) SELECT 1 ON CONFLICT (id) DO UPDATE SET email = $1', [PLAIN]],
  ['postgres', 'WITH x AS (INSERT INTO "User" (email) VALUES ($1) RETURNING id) SELECT * FROM x', [PLAIN]],
  ['postgres', 'WITH x AS (SELECT 1) UPDATE "User" SET email = $1', [PLAIN]],
  ['postgres', 'EXPLAIN ANALYZE UPDATE "User" SET email = $1', [PLAIN]],
  ['postgres', 'UPDATE ONLY public."User" AS u SET name = $1, email = $2', [PLAIN, PLAIN]],
  ['postgres', 'UPDATE "User" SET flag = a IS DISTINCT FROM b, email = $1', [PLAIN]],
  ['postgres', 'UPDATE "User" SET email = name'],
  ['postgres', 'UPDATE "User" SET email = email_index'],
  ['postgres', `UPDATE "User" SET email = concat(email, 'x')`],
  ['postgres', `UPDATE "User" SET email = COALESCE(email, 'ada')`],
  ['postgres', 'UPDATE "User" SET email = COALESCE(name, $1)', [CELL]],
  ['postgres', 'UPDATE "User" SET email = CASE WHEN true THEN $1 ELSE $2 END', [CELL, PLAIN]],
  ['postgres', 'UPDATE "User" SET email = c.email FROM "Contact" c WHERE c.id = "User".id'],
  ['postgres', 'UPDATE "User" SET email = (SELECT email FROM "Contact" LIMIT 1)'],
  ['postgres', 'UPDATE "User" SET (name, email) = ($1, $2)', [PLAIN, PLAIN]],
  ['postgres', 'UPDATE "User" SET (name, email) = (SELECT name, email FROM "Contact")'],
  ['postgres', 'UPDATE "User" SET "tags" = "tags" || $1', [[PLAIN]]],
  ['postgres', 'UPDATE "User" SET tags[1] = $1', [PLAIN]],
  ['postgres', 'UPDATE "User" SET "photo" = $1', [[BASE64]], [bytes]],
  ['postgres', 'UPDATE "User" SET moving = $1', [PLAIN]],
  ['postgres', 'UPDATE vault.secret_rows SET the_text = $1', [PLAIN]],
  ['postgres', 'UPDATE secret_rows SET the_text = $1', [PLAIN]],
  ['postgres', 'SELECT 1; UPDATE "User" SET email = $1', [PLAIN]],
  ['postgres', '/* "x */ UPDATE -- "y\n"User" /* a /* b */ c */ SET email = $1', [PLAIN]],
  ['mysql', 'UPDATE Contact c JOIN User u ON u.id = c.id SET c.email = ?, u.email = ?', [PLAIN, PLAIN]],
  ['mysql', 'UPDATE User SET n = 1--1, email = ?', [PLAIN]],
  ['mysql', 'UPDATE User SET name = 1 /*! , email = 2 */'],
  ['mysql', `UPDATE "User" SET email = ?`, [PLAIN]],
  ['mysql', `LOAD DATA INFILE 'x' INTO TABLE User`],
  ['mysql', `PREPARE s FROM 'UPDATE User SET email = ?'`],
  ['postgres', 'MERGE INTO "User" u USING "Contact" c ON u.id = c.id WHEN MATCHED THEN UPDATE SET email = c.email'],
  ['postgres', 'COPY "User" FROM STDIN'],
  ['postgres', 'COPY "User" (id, email) FROM STDIN'],
  ['postgres', `DO $$ BEGIN UPDATE "User" SET email = 'x'; END $$`],
  ['postgres', `DO 'BEGIN EXECUTE ''INSERT INTO "User" VALUES (1)''; END'`],
  ['postgres', 'UPDATE "User" SET email = $1)', [CELL]],
  ['postgres', `UPDATE "User" SET email = 'fs1:`],
  ['sqlserver', 'INSERT INTO [dbo].[User] ([email]) OUTPUT [Inserted].[id] VALUES (@P1)', [PLAIN]],
  ['sqlserver', 'DECLARE @t table(id int) INSERT INTO [User] ([email]) VALUES (@P1)', [CELL]],
  ['postgres', 'UPDATE "User" AS u SET "User".email = $1', [PLAIN]],
  ['postgres', 'INSERT INTO "User" (email) WITH x AS (SELECT name AS email FROM "User") SELECT email FROM x'],
  ['postgres', `PREPARE p AS INSERT INTO "User" (email) VALUES ($1)`],
  // comparisons with plaintext
  ['postgres', 'SELECT 1 FROM "User" WHERE email = $1', ['fs1:ada']],
  ['postgres', 'SELECT 1 FROM "User" WHERE email = $1', [5]],
  ['postgres', 'SELECT 1 FROM "User" WHERE email = 5'],
  ['postgres', 'SELECT 1 FROM "User" WHERE email_index = $1', ['1.']],
  ['postgres', 'SELECT * FROM "public"."User" WHERE ("public"."User"."email" = $1 AND 1=1)', [PLAIN]],
  ['postgres', 'SELECT * FROM "User" u WHERE u.email <> $1', [PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE $1 = email', [PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE email IN ($1,$2)', [CELL, PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE email NOT IN ($1)', [PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE email = ANY($1)', [[PLAIN]]],
  ['postgres', `SELECT * FROM "User" WHERE email::text ILIKE ('%' || $1 || '%')`, [PLAIN]],
  ['postgres', `SELECT * FROM "User" WHERE email = 'ada'`],
  ['postgres', 'SELECT * FROM "User" WHERE lower(email) = $1', [PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE email BETWEEN $1 AND $2', [CELL, PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE email_index = $1', [PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE (id, email) = ($1, $2)', [1, PLAIN]],
  ['postgres', 'SELECT * FROM "User" WHERE tags @> $1', [[PLAIN]], [bytesList]],
  [
    'postgres',
    'SELECT 1 FROM "Contact" c LEFT JOIN "User" AS "j0" ON (j0.id) = (c.id) WHERE ("j0"."email" = $1)',
    [PLAIN],
  ],
  [
    'postgres',
    'SELECT 1 FROM "Contact" WHERE EXISTS (SELECT 1 FROM "User" AS t WHERE (t.email = $1 AND t.id = "Contact".id))',
    [PLAIN],
  ],
  ['postgres', 'SELECT * FROM (SELECT * FROM "User") t WHERE t.email = $1', [PLAIN]],
  ['postgres', 'WITH t AS (SELECT * FROM "User") SELECT * FROM t WHERE email = $1', [PLAIN]],
  ['postgres', 'UPDATE "User" SET name = $1 WHERE email = $2', [PLAIN, PLAIN]],
  ['mysql', 'SELECT * FROM User WHERE (JSON_CONTAINS(User.profile, ?) AND 1=1)', [`"${PLAIN}"`]],
  ['mysql', 'DELETE FROM User WHERE photo = ?', [Buffer.from(PLAIN).toString('base64')], [bytes]],
];

const titled = (cases: readonly Case[]) => cases.map((each) => [each[0], each[1], each] as const);

describe('the guard', () => {
  it('is tested more by what it refuses', () => expect(REFUSED.length).toBeGreaterThan(PASSES.length));

  it.each(titled([...PASSES, ...HARMLESS_LOOKS]))(
    'passes on %s: %s',
    (_, __, [provider, sql, args = [], types = []]) => {
      expect(verdict(provider, sql, { args, types })).toBe('passes');
    },
  );

  it.each(titled([...REFUSED, ...BYPASSES, ...HIDDEN_COMPARISONS]))(
    'refuses on %s: %s',
    (_, __, [provider, sql, args = [], types = []]) => {
      expect(verdict(provider, sql, { args, types })).toBe('ERR_PLAINTEXT');
    },
  );
});

describe('the cache', () => {
  it('asks once for a text, and keeps a bounded number of them', () => {
    const cache = new FindingCache();
    let asked = 0;
    const finding = { refusal: undefined, checks: [] };
    const get = (sql: string) =>
      cache.get(sql, () => {
        asked++;
        return finding;
      });
    get('a');
    get('a');
    expect(asked).toBe(1);
    for (let at = 0; at < 5000; at++) get(`SELECT ${at}`);
    expect(cache.size).toBeLessThanOrEqual(1000);
    get('SELECT 4999');
    expect(asked).toBe(5001);
    for (let at = 0; at < 30; at++) get(`${at}${' '.repeat(500_000)}`);
    expect(cache.size).toBeLessThanOrEqual(9);
  });
});

describe('an adapter', () => {
  interface Sent {
    readonly sql: string;
    readonly args: readonly unknown[];
    readonly argTypes: readonly object[];
  }

  /** A factory that only notes what reaches it: no database is needed to see that nothing does. */
  function recorder(provider: string) {
    const sent: string[] = [];
    const queryable = {
      provider,
      queryRaw: async ({ sql }: Sent) => sent.push(sql),
      executeRaw: async ({ sql }: Sent) => sent.push(sql),
      executeScript: async (script: string) => sent.push(script),
      startTransaction: async () => ({ ...queryable }),
    };
    const factory = { provider, connect: async () => queryable, connectToShadowDb: async () => queryable };
    return { sent, factory };
  }
  const refused = expect.objectContaining({
    name: 'FieldsealError',
    code: 'ERR_PLAINTEXT',
    model: 'User',
    field: 'email',
  });
  const statement = { sql: 'UPDATE "User" SET email = $1', args: [PLAIN], argTypes: [] };

  it('refuses before anything is sent, on every way', async () => {
    const { sent, factory } = recorder('postgres');
    const guarded = guardAdapter(factory, MAP);
    for (const open of [() => guarded.connect(), () => guarded.connectToShadowDb()]) {
      const adapter = await open();
      for (const target of [adapter, await adapter.startTransaction()]) {
        await expect(target.queryRaw(statement)).rejects.toEqual(refused);
        await expect(target.executeRaw(statement)).rejects.toEqual(refused);
        await expect(target.executeScript(`SELECT 1; UPDATE "User" SET email = 'x'`)).rejects.toEqual(refused);
        // This adapter cuts scripts at semicolons in comments too.
        await expect(target.executeScript(`-- a;UPDATE "User" SET email = 'x'`)).rejects.toEqual(refused);
      }
    }
    expect(sent).toEqual([]);
    expect(await (await guarded.connect()).executeRaw({ ...statement, args: [CELL] })).toBe(1);
    expect(sent).toEqual([statement.sql]);
  });

  it('of a database whose SQL is not known is refused', () => {
    expect(() => guardAdapter(recorder('oracle').factory, MAP)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTIONS' }),
    );
    expect(() => guardAdapter({}, MAP)).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  });
});
