import { type KeyPurpose, SecretBytes } from '@fieldseal/core';
import { type AeadEngine, dekAad, deriveKeyId, unwrapKey, wrapKey } from '@fieldseal/core/internal';
import { FieldsealTestError } from '../testkit-error.ts';
import { expectSame } from './expect-same.ts';
import type { VectorCase } from './vector-case.ts';

const NONCE = { start: 1, end: 25 } as const;

/** A wrapped DEK must unwrap to the key that its id commits to; wrapping it again with its nonce must give the same bytes. */
export function checkWrappedDek(vector: VectorCase, engine: AeadEngine): void {
  const [suite, keyId, wrapped] = [vector.suite(), vector.text('keyId'), vector.bytes('wrapped')];
  const [kek, dek] = [SecretBytes.copy(vector.bytes('kek')), SecretBytes.copy(vector.bytes('dek'))];
  const aad = dekAad(vector.text('kekId'), { keyId, scope: vector.text('scope'), purpose: purposeOf(vector) });
  const nonce = wrapped.slice(NONCE.start, NONCE.end);

  const unwrapped = unwrapKey(kek, wrapped, aad, keyId);
  expectSame('the key', unwrapped.expose(), dek.expose());
  expectSame('the key id', deriveKeyId(unwrapped), keyId);
  expectSame('the wrapped key', wrapKey(kek, suite, dek, aad, nonce), wrapped);

  // The two functions above choose the engine by themselves, so the given one is asked directly.
  const message = { suite, key: kek.expose(), nonce, aad };
  const [sealed] = engine.encrypt([{ ...message, data: dek.expose() }]);
  expectSame('the ciphertext', sealed ?? 'missing', wrapped.slice(NONCE.end));
  const [opened] = engine.decrypt([{ ...message, data: wrapped.slice(NONCE.end) }]);
  expectSame('the plaintext', opened ?? 'refused', dek.expose());
}

function purposeOf(vector: VectorCase): KeyPurpose {
  const purpose = vector.text('purpose');
  if (purpose === 'data' || purpose === 'index') return purpose;
  throw new FieldsealTestError('the member purpose is neither data nor index');
}
