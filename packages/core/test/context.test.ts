import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pae, toHex } from '../src/bytes.ts';
import { encodeHeader } from '../src/cell.ts';
import { type BoundColumn, cellAad } from '../src/context.ts';
import { codeOf } from './error-code.ts';

const HEADER = encodeHeader(0x11, 'be6edbca880fc191');

describe('cellAad', () => {
  it('is the header alone for a field that is not bound', () => {
    expect(toHex(cellAad(HEADER, null))).toBe('11be6edbca880fc191');
  });

  it('is header and digest of the columns for a bound one', () => {
    const digest = createHash('sha256')
      .update(pae('id', 'row-1', 'tenant', 'acme'))
      .digest('hex');
    const aad = cellAad(HEADER, [
      ['id', 'row-1'],
      ['tenant', 'acme'],
    ]);
    expect(toHex(aad)).toBe(`11be6edbca880fc191${digest}`);
  });

  it('differs for every other list of columns', () => {
    const bindings: (readonly BoundColumn[])[] = [
      [['id', '1']],
      [['id', '2']],
      [['id', '']],
      [['', 'id1']],
      [['id1', '']],
      [
        ['id', '1'],
        ['', ''],
      ],
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
      [
        ['c', 'd'],
        ['a', 'b'],
      ],
      [
        ['a', 'bc'],
        ['', 'd'],
      ],
      [
        ['a', 'd'],
        ['c', 'b'],
      ],
      [
        ['a', 'b'],
        ['c', 'd'],
        ['e', 'f'],
      ],
    ];
    const aads = [null, ...bindings].map((binding) => toHex(cellAad(HEADER, binding)));
    expect(new Set(aads).size).toBe(bindings.length + 1);
  });

  it('refuses a binding to nothing', () => {
    expect(codeOf(() => cellAad(HEADER, []))).toBe('ERR_VALUE');
  });
});
