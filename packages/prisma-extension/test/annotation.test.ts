import { describe, expect, it } from 'vitest';
import { parseAnnotations } from '../src/schema/annotation.ts';

const place = { model: 'User', field: 'email' };
const parse = (text: string) => parseAnnotations(text, place);

describe('annotations', () => {
  it.each([
    ['', []],
    ['just a comment', []],
    ['the word encrypted in prose', []],
    ['@encrypted', [{ name: 'encrypted', args: {} }]],
    ['  @encrypted  ', [{ name: 'encrypted', args: {} }]],
    ['@encrypted()', [{ name: 'encrypted', args: {} }]],
    ['A comment above.\n@encrypted(pad: 64)\nand one below.', [{ name: 'encrypted', args: { pad: 64 } }]],
    [
      '@encrypted(name: "user.email", mode: migrating)',
      [{ name: 'encrypted', args: { name: 'user.email', mode: 'migrating' } }],
    ],
    ['@encrypted( bind : [ id , tenantId ] )', [{ name: 'encrypted', args: { bind: ['id', 'tenantId'] } }]],
    [
      '@blindIndex(of: email, normalize: [trim, lowercase], bits: 128)',
      [{ name: 'blindIndex', args: { of: 'email', normalize: ['trim', 'lowercase'], bits: 128 } }],
    ],
    ['@blindIndex(of: [a, b], normalize: [])', [{ name: 'blindIndex', args: { of: ['a', 'b'], normalize: [] } }]],
    [
      '@encrypted @scope',
      [
        { name: 'encrypted', args: {} },
        { name: 'scope', args: {} },
      ],
    ],
    ['@zod.string().email()', []],
    ['@deprecated use another', []],
  ])('%j', (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each([
    '@encypted',
    '@Encrypted',
    '@encrypt',
    '@encryption:hash(email)',
    '@encrypted:hash',
    '@blindindex(of: email)',
    '@blind_index(of: email)',
    '@blindIndx(of: email)',
    '@scop',
    'NOT @encrypted',
    'to be @encrypted later',
    '@encrypted later',
    '@encrypted?mode=strict',
    '@encrypted(',
    '@encrypted(pad)',
    '@encrypted(pad:)',
    '@encrypted(pad: 64',
    '@encrypted(pad: 64 mode: x)',
    '@encrypted(padding: 64)',
    '@encrypted(pad: 64, pad: 32)',
    '@encrypted(pad: big)',
    '@encrypted(pad: [1])',
    '@encrypted(name: 5)',
    '@encrypted(bind: id)',
    '@encrypted(name: "unclosed)',
    '@blindIndex(of: [email)',
    '@blindIndex(of: email, normalize: lowercase)',
    '@blindIndex(of: email, normalize: [1])',
    '@scope(of: x)',
    '@encrypted(__proto__: x)',
    '@encrypted(constructor: x)',
  ])('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'ERR_SCHEMA', model: 'User', field: 'email' }));
  });
});
