import { FieldCipher, isFieldsealError, SUITES, type SuiteId } from '@fieldseal/core';
import type { AeadEngine } from '@fieldseal/core/internal';
import { FieldsealTestError } from '../testkit-error.ts';
import type { VectorCase } from './vector-case.ts';
import { viewOf } from './vector-keys.ts';

/**
 * A text must be refused with a typed error, in strict mode: what looks like plaintext is refused too. The key is tried under every suite, so
 * that a changed suite byte reaches the authentication and is not refused for want of a key only.
 */
export function checkInvalidCell(vector: VectorCase, engine: AeadEngine): void {
  for (const suite of Object.keys(SUITES)) expectRefused(vector, Number(suite) as SuiteId, engine);
}

function expectRefused(vector: VectorCase, suite: SuiteId, engine: AeadEngine): void {
  const [type, model, field] = [vector.type(), vector.text('model'), vector.text('field')];
  const spec = { model, field, context: { model, field }, column: 'String' as const, type, pad: null };
  const stored = { spec, stored: vector.text('text'), binding: vector.binding() };
  const view = viewOf(vector.bytes('dek'), suite);
  const cipher = new FieldCipher({ engine: engine.name });
  try {
    cipher.decrypt(view, cipher.parse([stored]));
  } catch (error) {
    if (isFieldsealError(error)) return;
    throw new FieldsealTestError('the text was refused with an error that is not typed', { cause: error });
  }
  throw new FieldsealTestError('the text was accepted');
}
