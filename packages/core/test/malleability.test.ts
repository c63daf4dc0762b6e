import { describe, expect, it } from 'vitest';
import { toBase64Url } from '../src/bytes.ts';
import { HEADER_BYTES } from '../src/cell.ts';
import { FieldCipher, type StoredField } from '../src/field-cipher.ts';
import type { ColumnType } from '../src/field-spec.ts';
import { deriveKeyId } from '../src/kdf.ts';
import { dekAad, unwrapKey, wrapKey } from '../src/kek/wrapped-key.ts';
import { DataKey, type KeyView } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import type { SuiteId } from '../src/suite.ts';
import { codeOf } from './error-code.ts';
import { fieldSpec } from './field-specs.ts';
import { viewOf } from './test-view.ts';

const REFUSALS = ['ERR_CELL_FORMAT', 'ERR_DECRYPT', 'ERR_KEY_UNKNOWN'];
const cipher = new FieldCipher();

/** The view with the same key under every id, so that an altered header reaches the authentication. */
function gullible(view: KeyView, suite: SuiteId): KeyView {
  const key = new DataKey(view.primary.keyId, suite, SecretBytes.take(new Uint8Array(32).fill(3)));
  return { ...view, keys: Object.assign(new Map(view.keys), { get: () => key }) };
}

function store(view: KeyView, column: ColumnType): StoredField {
  const spec = fieldSpec('String', column, 8);
  const [stored] = cipher.encrypt(view, [{ spec, value: 'ada', binding: [['id', '1']] }]);
  return { spec, stored, binding: [['id', '1']] };
}

function refusal(view: KeyView, field: StoredField, stored: unknown): string {
  return codeOf(() => cipher.decrypt(view, cipher.parse([{ ...field, stored }])));
}

function* flipped(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const other = Uint8Array.from(bytes);
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
    yield other;
  }
}

describe.each([0x11, 0x12] as const)('a cell of suite %i is refused', (suite) => {
  const view = viewOf(suite, 3);
  const field = store(view, 'Bytes');
  const bytes = field.stored as Uint8Array;

  it('with any bit flipped', () => {
    expect(refusal(view, field, bytes)).toBe('none');
    let count = 0;
    for (const other of flipped(bytes)) {
      expect(REFUSALS).toContain(refusal(view, field, other));
      expect(REFUSALS).toContain(refusal(view, field, `fs1:${toBase64Url(other)}`));
      count++;
    }
    expect(count).toBe(bytes.length * 8);
  });

  it('with any bit of its header flipped, even when the key is found', () => {
    for (const other of flipped(bytes.subarray(0, HEADER_BYTES))) {
      const altered = Buffer.concat([other, bytes.subarray(HEADER_BYTES)]);
      for (const tried of [0x11, 0x12] as const) {
        expect(['ERR_CELL_FORMAT', 'ERR_DECRYPT']).toContain(refusal(gullible(view, tried), field, altered));
      }
    }
    expect(refusal(gullible(view, suite), field, bytes)).toBe('none');
  });

  it('cut at any place, and with a byte appended or put in front', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(REFUSALS).toContain(refusal(view, field, bytes.subarray(0, length)));
      expect(REFUSALS).toContain(refusal(view, field, bytes.subarray(bytes.length - length)));
    }
    for (let byte = 0; byte < 256; byte++) {
      expect(REFUSALS).toContain(refusal(view, field, Buffer.concat([bytes, Buffer.of(byte)])));
      expect(REFUSALS).toContain(refusal(view, field, Buffer.concat([Buffer.of(byte), bytes])));
    }
  });

  it('made of parts of two cells', () => {
    const other = store(view, 'Bytes').stored as Uint8Array;
    for (let at = HEADER_BYTES + 1; at < bytes.length; at++) {
      const mixed = Buffer.concat([bytes.subarray(0, at), other.subarray(at)]);
      if (Buffer.compare(mixed, bytes) === 0 || Buffer.compare(mixed, other) === 0) continue;
      expect(refusal(view, field, mixed)).toBe('ERR_DECRYPT');
    }
  });
});

describe('the text of a cell is refused', () => {
  const view = viewOf(0x11, 3);
  const field = store(view, 'String');
  const text = field.stored as string;

  it('with any character changed, added or removed', () => {
    expect(refusal(view, field, text)).toBe('none');
    for (let at = 0; at <= text.length; at++) {
      for (const by of ['A', 'z', '9', '-', '_', '+', '/', '=', ' ', '\n', '\0', 'ł', '\ud800', '']) {
        for (const other of [text.slice(0, at) + by + text.slice(at + 1), text.slice(0, at) + by + text.slice(at)]) {
          if (other !== text) expect(REFUSALS).toContain(refusal(view, field, other));
        }
      }
    }
  });

  it('in any other case, or with any two neighbours swapped', () => {
    for (const other of [text.toUpperCase(), text.toLowerCase()])
      expect(REFUSALS).toContain(refusal(view, field, other));
    for (let at = 1; at < text.length; at++) {
      const other = text.slice(0, at - 1) + text.charAt(at) + text.charAt(at - 1) + text.slice(at + 1);
      if (other !== text) expect(REFUSALS).toContain(refusal(view, field, other));
    }
  });

  it('in every other spelling of its last character that lax decoders accept', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    let sameBytes = 0;
    for (const digit of alphabet) {
      const other = text.slice(0, -1) + digit;
      if (other === text) continue;
      if (Buffer.compare(Buffer.from(other.slice(4), 'base64url'), Buffer.from(text.slice(4), 'base64url')) === 0)
        sameBytes++;
      expect(REFUSALS).toContain(refusal(view, field, other));
    }
    expect(sameBytes).toBeGreaterThan(0);
  });
});

describe.each([0x11, 0x12] as const)('a wrapped key of suite %i is refused', (suite) => {
  const kek = SecretBytes.take(new Uint8Array(32).fill(1));
  const dek = SecretBytes.take(new Uint8Array(32).fill(2));
  const aad = dekAad('kek-1', { keyId: deriveKeyId(dek), scope: 'acme', purpose: 'data' });
  const wrapped = wrapKey(kek, suite, dek, aad);

  it('with any bit flipped', () => {
    expect(codeOf(() => unwrapKey(kek, wrapped, aad))).toBe('none');
    for (const other of flipped(wrapped)) expect(codeOf(() => unwrapKey(kek, other, aad))).toBe('ERR_DECRYPT');
  });

  it('with any bit of its KEK or its context flipped', () => {
    for (const other of flipped(kek.expose()))
      expect(codeOf(() => unwrapKey(SecretBytes.take(other), wrapped, aad))).toBe('ERR_DECRYPT');
    for (const other of flipped(aad)) expect(codeOf(() => unwrapKey(kek, wrapped, other))).toBe('ERR_DECRYPT');
  });

  it('cut at any place, and with a byte appended', () => {
    for (let length = 0; length < wrapped.length; length++) {
      expect(codeOf(() => unwrapKey(kek, wrapped.subarray(0, length), aad))).toBe('ERR_DECRYPT');
    }
    for (let byte = 0; byte < 256; byte++) {
      expect(codeOf(() => unwrapKey(kek, Buffer.concat([wrapped, Buffer.of(byte)]), aad))).toBe('ERR_DECRYPT');
    }
  });
});
