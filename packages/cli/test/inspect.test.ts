import { createKeyring, FieldCipher, type FieldSpec, generateRawKey, keyringMemory, rawKey } from '@fieldseal/core';
import { beforeAll, expect, test } from 'vitest';
import { fieldseal, parsed } from './harness.ts';

const SPEC: FieldSpec = {
  model: 'A',
  field: 'b',
  context: { model: 'A', field: 'b' },
  column: 'String',
  type: 'String',
  pad: null,
};
let text = '';
let hex = '';
let keyId = '';

beforeAll(async () => {
  const { keyring } = await createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] });
  const view = await keyring.resolve('');
  const cells = new FieldCipher().encrypt(view, [
    { spec: SPEC, value: 'hello', binding: null },
    { spec: { ...SPEC, column: 'Bytes' }, value: 'hello', binding: null },
  ]);
  text = cells[0] as string;
  hex = Buffer.from(cells[1] as Uint8Array).toString('hex');
  keyId = view.primary.keyId;
  keyring.close();
});

test('shows the header of a text cell', async () => {
  const { code, stdout } = await fieldseal(['inspect', text]);
  expect(code).toBe(0);
  expect(stdout).toBe(
    [
      'format      version 1, text',
      'suite       XChaCha20-Poly1305',
      `key id      ${keyId}`,
      'nonce       24 bytes',
      'ciphertext  6 bytes, and a tag of 16',
      'value       at most 5 bytes; fewer if the field is padded',
      'canonical   yes',
      '',
    ].join('\n'),
  );
});

test('reads hexadecimal as databases print it, and standard input', async () => {
  for (const spelled of [hex, hex.toUpperCase(), `\\x${hex}`, `0x${hex}`]) {
    expect(parsed(await fieldseal(['inspect', spelled, '--json']))).toMatchObject({
      form: 'bytes',
      keyId,
      ciphertextBytes: 6,
    });
  }
  expect(parsed(await fieldseal(['inspect', '-', '--json'], {}, `${text}\n`))).toMatchObject({
    form: 'text',
    keyId,
    canonical: true,
  });
});

test('a cell in another spelling is shown, said to be none of ours, and ends with 1', async () => {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/');
  for (const spelled of [
    `${text}=`,
    `${text.slice(0, 30)}\n${text.slice(30)}`,
    ...(standard === text ? [] : [standard]),
  ]) {
    const { code, stdout } = await fieldseal(['inspect', spelled]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^canonical +no/m);
  }
});

test.each([
  ['plaintext', 'hello'],
  ['nothing', ' '],
  ['half a byte', 'abc'],
  ['a short cell', 'fs1:EQ'],
  ['an unknown suite', `ff${'00'.repeat(60)}`],
  ['text that is no base64url', 'fs1:***'],
])('%s is no cell', async (_, given) => {
  const { code, stdout, stderr } = await fieldseal(['inspect', given]);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^fieldseal: .+ \[ERR_CELL_FORMAT\]\n/);
});
