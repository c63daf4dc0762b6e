import { FieldsealError } from '@fieldseal/core';
import type { PlaintextCodec } from '@fieldseal/core/jobs';
import { Decimal } from '@prisma/client-runtime-utils';
import type { EncryptedNode } from '../schema/compiled-schema.ts';
import { isPlaintext, readPlaintext, writePlaintext } from '../walk/plaintext.ts';
import { toCipher } from '../walk/typed-value.ts';
import { UNREADABLE_JSON } from './stored-text.ts';

/** Plaintext of a field as the extension reads it while the field is being migrated. */
export function plaintextCodec(node: EncryptedNode): PlaintextCodec {
  const { model, field } = node.spec;
  return {
    is: (stored) => isPlaintext(node, stored),
    read: (stored) => {
      if (stored === UNREADABLE_JSON)
        throw new FieldsealError('ERR_VALUE', 'a JSON value has a number that JavaScript cannot hold', {
          model,
          field,
        });
      return toCipher(node, readPlaintext(node, stored, Decimal));
    },
    write: (value) => writePlaintext(node.spec, value),
  };
}
