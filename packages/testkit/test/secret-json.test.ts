import { randomBytes } from 'node:crypto';
import { SecretBytes } from '@fieldseal/core';
import { jsonWithSecret, takeSecret } from '@fieldseal/core/internal';
import { describe, expect, it } from 'vitest';

const utf8 = (text: string) => new Uint8Array(Buffer.from(text));

describe('jsonWithSecret', () => {
  it('writes what JSON.stringify would, for secrets of every length', () => {
    for (let length = 0; length < 70; length++) {
      const bytes = randomBytes(length);
      for (const fields of [{}, { a: 'ä"\\', b: '' }]) {
        const text = Buffer.from(jsonWithSecret(fields, 'plaintext', SecretBytes.copy(bytes))).toString();
        expect(text).toBe(JSON.stringify({ ...fields, plaintext: bytes.toString('base64') }));
      }
    }
  });
});

describe('takeSecret', () => {
  it('takes the secret, and leaves no trace of it in the text', () => {
    for (let length = 0; length < 70; length++) {
      const bytes = randomBytes(length);
      const base64 = bytes.toString('base64');
      const text = utf8(`{ "data" : {"plaintext"\t:\n "${base64}", "b": 1}}`);
      const { json, secret } = takeSecret(text, 'plaintext');
      expect(Buffer.from(secret?.expose() ?? [])).toEqual(bytes);
      expect(json).toEqual({ data: { plaintext: 'x'.repeat(base64.length), b: 1 } });
      if (length > 2) expect(Buffer.from(text).toString()).not.toContain(base64.slice(0, 4));
    }
  });

  it.each([
    ['{"other":"AAAA"}', { other: 'AAAA' }],
    ['{"plaintext":1}', { plaintext: 1 }],
    ['{"plaintext":null}', { plaintext: null }],
    ['{"plaintext":"AAA"}', { plaintext: 'xxx' }],
    ['{"plaintext":"A-A_"}', { plaintext: 'xxxx' }],
    ['{"plaintext":"A=AA"}', { plaintext: 'xxxx' }],
    ['{"plaintext":"===="}', { plaintext: 'xxxx' }],
  ])('finds none in %s', (text, json) => {
    expect(takeSecret(utf8(text), 'plaintext')).toEqual({ json, secret: null });
  });

  it.each(['', '{', '<html>', '{"plaintext":"AAAA"', '{"plaintext":"AAAA', '{"plaintext"', '{"plaintext":'])(
    'gives nothing for %j, which is no JSON',
    (text) => {
      expect(takeSecret(utf8(text), 'plaintext')).toEqual({ json: undefined, secret: null });
    },
  );
});
