import { type ColumnType, canonicalText, FieldCipher, SecretBytes } from '@fieldseal/core';
import {
  type AeadEngine,
  cellAad,
  deriveFieldKey,
  deriveKeyId,
  encodeCell,
  encodeCellText,
  encodeHeader,
  encodeValue,
} from '@fieldseal/core/internal';
import { expectSame } from './expect-same.ts';
import type { VectorCase } from './vector-case.ts';
import { viewOf } from './vector-keys.ts';

/** A cell must be reproduced byte for byte with the given nonce, and must open, as bytes and as text. */
export function checkCell(vector: VectorCase, engine: AeadEngine): void {
  const dek = SecretBytes.copy(vector.bytes('dek'));
  expectSame('the key id', deriveKeyId(dek), vector.text('keyId'));
  expectSame('the payload', payloadOf(vector, vector.value()), vector.bytes('payload'));
  const cell = seal(vector, dek, engine);
  expectSame('the cell', cell, vector.bytes('cell'));
  expectSame('the text of the cell', encodeCellText(cell), vector.text('text'));
  expectOpens(vector, 'Bytes', vector.bytes('cell'), engine);
  expectOpens(vector, 'String', vector.text('text'), engine);
}

function payloadOf(vector: VectorCase, value: unknown): Uint8Array {
  return encodeValue(vector.type(), value, null).subarray(1);
}

function seal(vector: VectorCase, dek: SecretBytes, engine: AeadEngine): Uint8Array {
  const suite = vector.suite();
  const nonce = vector.bytes('nonce');
  const header = encodeHeader(suite, vector.text('keyId'));
  const key = deriveFieldKey(dek, suite, vector.text('model'), vector.text('field')).expose();
  const data = encodeValue(vector.type(), vector.value(), vector.countOrNull('pad'));
  const [sealed] = engine.encrypt([{ suite, key, nonce, aad: cellAad(header, vector.binding()), data }]);
  return encodeCell(header, nonce, sealed ?? new Uint8Array());
}

/** Opens through the field cipher, as an application does. Equal payloads are equal values; the text tells −0 from 0 too. */
function expectOpens(vector: VectorCase, column: ColumnType, stored: unknown, engine: AeadEngine): void {
  const [type, model, field] = [vector.type(), vector.text('model'), vector.text('field')];
  const spec = { model, field, context: { model, field }, column, type, pad: vector.countOrNull('pad') };
  const cipher = new FieldCipher({ engine: engine.name });
  const view = viewOf(vector.bytes('dek'), vector.suite());
  const [value] = cipher.decrypt(view, cipher.parse([{ spec, stored, binding: vector.binding() }]));
  expectSame(`the value in a ${column} column`, canonicalText(type, value), canonicalText(type, vector.value()));
  expectSame(`the payload in a ${column} column`, payloadOf(vector, value), vector.bytes('payload'));
}
