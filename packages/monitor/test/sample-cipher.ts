import {
  createKeyring,
  FieldCipher,
  type FieldSpec,
  generateRawKey,
  type Keyring,
  type KeyView,
  keyringMemory,
  type ReadWatch,
  rawKey,
} from '@fieldseal/core';

/** A field of a schema. */
export function fieldOf(field: string, model = 'Patient', column: FieldSpec['column'] = 'String'): FieldSpec {
  return { model, field, context: { model, field }, column, type: 'String', pad: null };
}

/** A keyring, and what encrypts and decrypts with it. */
export interface Sample {
  readonly keyring: Keyring;
  readonly view: KeyView;
  encrypt(spec: FieldSpec, ...values: readonly string[]): (string | Uint8Array)[];
  decrypt(spec: FieldSpec, ...cells: readonly unknown[]): unknown[];
}

export async function sampleCipher(watch: readonly ReadWatch[] = []): Promise<Sample> {
  const { keyring } = await createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] });
  const view = await keyring.resolve('');
  const cipher = new FieldCipher({ watch });
  return {
    keyring,
    view,
    encrypt: (spec, ...values) =>
      cipher.encrypt(
        view,
        values.map((value) => ({ spec, value, binding: null })),
      ),
    decrypt: (spec, ...cells) => {
      const read = cipher.read(
        view,
        cells.map((stored) => ({ spec, stored, binding: null })),
      );
      if (read === null) throw new Error('the keys of the cells are not in the view');
      return read;
    },
  };
}

/** The same cell with another tag. */
export function damaged(cell: string | Uint8Array): string {
  const text = String(cell);
  return `${text.slice(0, -8)}${text.slice(-8).startsWith('A') ? 'B' : 'A'}${text.slice(-7)}`;
}
