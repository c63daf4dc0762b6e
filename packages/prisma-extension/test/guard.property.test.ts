import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CELL, PLAIN, type Provider, verdict } from './guard-cases.ts';

/** Parts of a statement, which the properties spell in other ways. `"x"` is a name, `'x'` a text. */
const SPELLED: readonly [pieces: string, args: readonly unknown[], passes: boolean][] = [
  ['INSERT INTO "User" ( "id" , "email" ) VALUES ( $1 , $2 )', [1, PLAIN], false],
  ['INSERT INTO "User" ( "id" , "email" ) VALUES ( $1 , $2 )', [1, CELL], true],
  ['INSERT INTO "User" ( "name" , "email" ) VALUES ( $1 , NULL ) , ( \'a\' , $2 )', [PLAIN, PLAIN], false],
  ['UPDATE "public" . "User" SET "name" = $1 , "email" = $2 WHERE "User" . "id" = 1', [PLAIN, PLAIN], false],
  ['UPDATE "public" . "User" SET "name" = $1 , "email" = $2 WHERE "User" . "id" = 1', [PLAIN, CELL], true],
  ['SELECT * FROM "User" AS "u" WHERE "u" . "email" = $1 AND 1 = 1', [PLAIN], false],
  ['SELECT * FROM "Contact" AS "u" , "User" WHERE "u" . "email" = $1', [PLAIN], true],
];
const COMMENTS = [' ', '\n', '\t', ' /* \'"; */ ', ' -- it\'s; "\n', '/**/', '\r\n  '];
/** On SQLite any of these is the name. */
const QUOTES: readonly (readonly [string, string])[] = [
  ['"', '"'],
  ['`', '`'],
  ['[', ']'],
  ['', ''],
];

describe('the verdict', () => {
  it.each(SPELLED)('of %s does not hang on spelling', (pieces, args, passes) => {
    const parts = pieces.split(' ');
    const law = fc.property(
      fc.array(fc.constantFrom(...COMMENTS), { minLength: parts.length, maxLength: parts.length }),
      fc.array(fc.constantFrom(...QUOTES), { minLength: parts.length, maxLength: parts.length }),
      fc.array(fc.boolean(), { minLength: parts.length, maxLength: parts.length }),
      (gaps, quotes, upper) => {
        const sql = parts.map((part, at) => {
          const [open, close] = quotes[at] as [string, string];
          const name = part.startsWith('"') ? `${open}${part.slice(1, -1)}${close}` : part;
          const placed = name.startsWith('$') ? `?${name.slice(1)}` : name;
          const isWord = /^[A-Za-z]+$/.test(part);
          return `${gaps[at]}${isWord && upper[at] ? placed.toLowerCase() : placed}`;
        });
        expect(verdict('sqlite', sql.join(''), { args })).toBe(passes ? 'passes' : 'ERR_PLAINTEXT');
      },
    );
    fc.assert(law, { numRuns: process.env['SLOW'] ? 5000 : 150 });
  });

  it('of a write of plaintext is never that it passes, whatever stands around', () => {
    const value = fc.constantFrom(
      '1',
      '$1',
      "'a'",
      'NULL',
      'lower(name)',
      "(SELECT 'x')",
      'CASE WHEN 1=1 THEN 2 END',
      'a::text',
    );
    const law = fc.property(fc.array(value, { maxLength: 5 }), fc.array(value, { maxLength: 5 }), (before, behind) => {
      const assigned = [
        ...before.map((text, at) => `b${at} = ${text}`),
        'email = $2',
        ...behind.map((text, at) => `c${at} = ${text}`),
      ];
      const columns = [...before.map((_, at) => `b${at}`), 'email', ...behind.map((_, at) => `c${at}`)];
      for (const [given, expected] of [
        [PLAIN, 'ERR_PLAINTEXT'],
        [CELL, 'passes'],
      ] as const) {
        const args = ['x', given];
        expect(verdict('postgres', `UPDATE "User" SET ${assigned.join(', ')} WHERE id = 1`, { args })).toBe(expected);
        const rows = `(${[...before, '$2', ...behind].join(', ')})`;
        expect(
          verdict('postgres', `INSERT INTO "User" (${columns.join(', ')}) VALUES ${rows}, ${rows}`, { args }),
        ).toBe(expected);
      }
    });
    fc.assert(law, { numRuns: process.env['SLOW'] ? 5000 : 150 });
  });

  it('comes for any text without an exception of ours', () => {
    const piece = fc.constantFrom(
      'INSERT',
      'INTO',
      '"User"',
      '(',
      ')',
      'email',
      ',',
      'VALUES',
      '$1',
      'UPDATE',
      'SET',
      '=',
      "'",
      '"',
      'SELECT',
      'FROM',
      'WITH',
      'AS',
      '[',
      ']',
      ';',
      'CASE',
      'END',
      '::',
      '/*',
      '$$',
      'ON',
      'CONFLICT',
      'DO',
      'IN',
      'NOT',
      '.',
    );
    const law = fc.property(
      fc.array(piece, { maxLength: 25 }),
      fc.constantFrom('postgres', 'sqlite', 'mysql', 'sqlserver'),
      (pieces, provider) => {
        expect(['passes', 'ERR_PLAINTEXT']).toContain(
          verdict(provider as Provider, pieces.join(' '), { args: [PLAIN] }),
        );
      },
    );
    fc.assert(law, { numRuns: process.env['SLOW'] ? 50_000 : 1500 });
  });
});
