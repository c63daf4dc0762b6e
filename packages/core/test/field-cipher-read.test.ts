import { describe, expect, it } from 'vitest';
import type { EngineName } from '../src/aead/engine.ts';
import { FieldCipher, type PlainField, type StoredField } from '../src/field-cipher.ts';
import type { FieldSpec } from '../src/field-spec.ts';
import { deriveKeyId } from '../src/kdf.ts';
import { DataKey, IndexRoot, type KeyView } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { codeOf } from './error-code.ts';
import { fieldSpec as specOf } from './field-specs.ts';

const fieldSpec = (more: Partial<FieldSpec> = {}): FieldSpec => {
  const field = more.field ?? 'notes';
  return { ...specOf(), ...more, context: { model: 'Patient', field } };
};

const ENGINES: readonly EngineName[] = ['simd', 'native', 'noble'];

function dataKey(byte: number, suite: 0x11 | 0x12 = 0x11): DataKey {
  const dek = SecretBytes.take(new Uint8Array(32).fill(byte));
  return new DataKey(deriveKeyId(dek), suite, dek);
}

const first = dataKey(1);
const second = dataKey(2);
const aes = dataKey(3, 0x12);

function viewOf(...keys: readonly DataKey[]): KeyView {
  const indexRoot = new IndexRoot('', 1, SecretBytes.take(new Uint8Array(32)));
  return {
    scope: '',
    primary: keys[0] as DataKey,
    indexRoot,
    indexRoots: [indexRoot],
    keys: new Map(keys.map((key) => [key.keyId, key])),
    statuses: new Map(keys.map((key) => [key.keyId, 'enabled'] as const)),
  };
}

const note = fieldSpec();
const photo = fieldSpec({ field: 'photo', column: 'Bytes', type: 'Bytes' });
const age = fieldSpec({ field: 'age', type: 'Int' });
const padded = fieldSpec({ field: 'padded', pad: 32 });

const plain = (spec: FieldSpec, value: unknown, bound = false): PlainField => {
  return { spec, value, binding: bound ? [['id', 'row']] : null };
};

/** read() is parse() and decrypt() in one pass: what they give and what they throw, it gives and throws. */
describe.each(ENGINES)('read() with the engine %s', (engine) => {
  const cipher = new FieldCipher({ engine });
  const store = (key: DataKey, fields: readonly PlainField[]): StoredField[] =>
    cipher.encrypt(viewOf(key), fields).map((stored, at) => {
      const { spec, binding } = fields[at] as PlainField;
      return { spec, binding, stored };
    });
  const inTwoSteps = (view: KeyView, fields: readonly StoredField[]) => cipher.decrypt(view, cipher.parse(fields));
  const all = viewOf(first, second, aes);

  it('gives the values of text, of other types, padded, bound, long, and under several keys and suites', () => {
    const values = ['', 'ada', 'zażółć 👩‍⚕️', 'x'.repeat(5990), 'y'.repeat(20_000)];
    const fields = [
      ...values.flatMap((value) => [plain(note, value), plain(padded, value), plain(note, value, true)]),
      plain(age, -5),
    ];
    const stored = [first, second, aes].flatMap((key) => store(key, fields));
    const expected = [fields, fields, fields].flat().map(({ value }) => value);
    expect(cipher.read(all, stored)).toEqual(expected);
    expect(inTwoSteps(all, stored)).toEqual(expected);
    const many = Array.from({ length: 1000 }, (_, at) => plain(note, `value ${at}`, at % 3 === 0));
    expect(cipher.read(all, store(first, many))).toEqual(many.map(({ value }) => value));
  });

  it('gives the values of Bytes columns beside text', () => {
    const fields = [plain(photo, Uint8Array.of(1, 2)), plain(note, 'a'), plain(photo, new Uint8Array(0))];
    expect(cipher.read(all, store(first, fields))).toEqual(fields.map(({ value }) => value));
    expect(cipher.read(all, [])).toEqual([]);
  });

  it('gives null when a key has to be looked for', () => {
    const stored = store(second, [plain(note, 'a')]);
    expect(cipher.read(viewOf(first), stored)).toBeNull();
    expect(cipher.read(viewOf(first), [...store(first, [plain(note, 'a')]), ...stored])).toBeNull();
    expect(cipher.read(viewOf(first), store(second, [plain(photo, Uint8Array.of(1))]))).toBeNull();
  });

  const [cell] = store(first, [plain(note, 'hello world')]) as [StoredField];
  const text = String(cell.stored);
  const altered = (at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
  const last = text.length - 1;
  /** The same bytes under another spelling: the last character has bits that no byte takes. */
  const respelled = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    .map((character) => text.slice(0, last) + character)
    .find(
      (other) => other !== text && Buffer.from(other, 'base64url').equals(Buffer.from(text, 'base64url')),
    ) as string;

  it.each([
    ['plaintext', 'plaintext'],
    ['nothing', ''],
    ['a prefix alone', text.slice(0, 16)],
    ['a truncated cell', text.slice(0, 60)],
    ['a cell with a character more', `${text}A`],
    ['padding', `${text}=`],
    ['white space', `${text}\n`],
    ['another spelling of its last bits', respelled],
    ['a character that is no base64url', `${text.slice(0, 40)}*${text.slice(41)}`],
    ['a character beyond ASCII', `${text.slice(0, 40)}ł${text.slice(41)}`],
    ['an altered nonce', altered(20)],
    ['an altered ciphertext', altered(62)],
    ['an altered tag', altered(last - 4)],
    ['an altered key id', altered(10)],
    ['another version', `fs2${text.slice(3)}`],
    ['a number', 5],
    ['bytes in a text column', Uint8Array.from(Buffer.from(text.slice(4), 'base64url'))],
  ])('refuses %s as the two steps do, alone and among others', (_, stored) => {
    const good = store(first, [plain(note, 'a'), plain(age, 1), plain(note, 'b', true)]);
    const bad: StoredField = { spec: note, binding: null, stored };
    for (const fields of [[bad], [...good, bad], [bad, ...good], [...good, bad, ...good]]) {
      const code = codeOf(() => inTwoSteps(all, fields));
      expect(['ERR_CELL_FORMAT', 'ERR_DECRYPT', 'ERR_KEY_UNKNOWN']).toContain(code);
      if (code === 'ERR_KEY_UNKNOWN') expect(cipher.read(all, fields)).toBeNull();
      else expect(codeOf(() => cipher.read(all, fields))).toBe(code);
    }
  });

  it('refuses a cell of another field, another row or another type', () => {
    const moved = [
      { ...cell, spec: fieldSpec({ field: 'other' }) },
      { ...cell, binding: [['id', 'row']] as const },
      { ...(store(first, [plain(note, 'a', true)])[0] as StoredField), binding: [['id', 'other']] as const },
    ];
    for (const field of moved) expect(codeOf(() => cipher.read(all, [field]))).toBe('ERR_DECRYPT');
    const number = store(first, [plain(fieldSpec({ type: 'Int' }), 5)])[0] as StoredField;
    expect(codeOf(() => cipher.read(all, [{ ...number, spec: note }]))).toBe('ERR_VALUE_TYPE');
    expect(codeOf(() => cipher.read(all, [{ ...cell, spec: fieldSpec({ type: 'Int' }) }]))).toBe('ERR_VALUE_TYPE');
  });

  it('refuses a disabled key, and keys that were wiped', () => {
    const view: KeyView = { ...viewOf(first), statuses: new Map([[first.keyId, 'disabled']]), keys: new Map() };
    expect(codeOf(() => cipher.read(view, [cell]))).toBe('ERR_KEY_DISABLED');
    const key = dataKey(9);
    const stored = store(key, [plain(note, 'a')]);
    const wiped = viewOf(key);
    key.wipe();
    expect(codeOf(() => cipher.read(wiped, stored))).toBe('ERR_KEY_WIPED');
  });
});
