import type { LegacyPlaintext, RemoteLegacyReader } from '@fieldseal/core';
import { base64Bytes, storedText, utf8Text } from './encodings.ts';
import { malformed, undecryptable, unserved } from './reader-error.ts';

const FORMAT = 'vault-transit';
const SHAPE = /^vault:v[1-9]\d*:[A-Za-z0-9+/=]+$/;

/** Options of {@link vaultTransit}. */
export interface VaultTransitOptions {
  /**
   * Asks Vault: `POST transit/decrypt/<key>` with `batch_input: [{ ciphertext }, …]`. For each ciphertext the `plaintext` of its answer, in
   * base64, or null where Vault gives an error for it. Rejects when Vault is away or refuses the call.
   */
  readonly decrypt: (ciphertexts: readonly string[]) => Promise<readonly (string | null)[]>;
  /** What is in the values; `text` by default. */
  readonly content?: 'text' | 'bytes';
  /** The most values of one call, 250 by default. */
  readonly batch?: number;
}

/**
 * Reads values of HashiCorp Vault's transit engine (`vault:v1:…`): Vault opens them, and this process never has the key. It works in jobs only;
 * the extension reads synchronously.
 */
export function vaultTransit({ decrypt, content = 'text', batch = 250 }: VaultTransitOptions): RemoteLegacyReader {
  const answered = (encoded: string | null | undefined): LegacyPlaintext | Error => {
    const bytes = base64Bytes(encoded);
    if (bytes === null) return undecryptable(FORMAT);
    if (content === 'bytes') return Uint8Array.from(bytes);
    return utf8Text(bytes) ?? unserved(FORMAT, 'is not text', "Set content: 'bytes' for a field of bytes.");
  };
  const ask = async (stored: readonly LegacyPlaintext[]): Promise<(LegacyPlaintext | Error)[]> => {
    const texts = stored.map((value) => storedText(value) ?? '');
    const valid = texts.filter((text) => SHAPE.test(text));
    const answers = valid.length === 0 ? [] : [...(await decrypt(valid))];
    if (answers.length !== valid.length) throw undecryptable(FORMAT); // nobody can tell whose answer is missing
    return texts.map((text) => (SHAPE.test(text) ? answered(answers.shift()) : malformed(FORMAT)));
  };
  return {
    format: `${FORMAT}/${content}`,
    recognizes: (stored) => storedText(stored)?.startsWith('vault:v') === true,
    openAll: async (stored) => {
      const opened: (LegacyPlaintext | Error)[] = [];
      for (let at = 0; at < stored.length; at += batch) opened.push(...(await ask(stored.slice(at, at + batch))));
      return opened;
    },
  };
}
