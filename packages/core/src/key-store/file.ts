import { AtomicFile } from '../atomic-file.ts';
import { FieldsealError } from '../errors.ts';
import type { KeyStore } from './key-store.ts';
import { type KeysetRecord, parseKeysetRecord } from './keyset-record.ts';
import { replaceRecord } from './memory.ts';

const FORMAT = 'fieldseal-key-store/1';

/**
 * A key store in one JSON file, replaced atomically, for some thousands of scopes on one host. Several processes may share it.
 *
 * @param path - the file; it and its folder are made on the first save
 */
export function fileKeyStore(path: string): KeyStore {
  const file = new AtomicFile(path);
  return {
    load: async (scope) => parse(await file.read()).find((record) => record.scope === scope) ?? null,
    save: async (record, expected) => {
      const text = await file.read();
      const next = replaceRecord(parse(text), record, expected);
      return next !== null && (await file.replace(text, `${JSON.stringify({ format: FORMAT, keysets: next }, null, 1)}\n`));
    },
  };
}

function parse(text: string | null): readonly KeysetRecord[] {
  if (text === null) return [];
  let json: { format?: unknown; keysets?: unknown } | null;
  try {
    json = JSON.parse(text) as typeof json;
  } catch (cause) {
    throw new FieldsealError('ERR_KEY_STORE', 'the key store is not JSON', { cause });
  }
  if (json?.format !== FORMAT || !Array.isArray(json.keysets)) throw new FieldsealError('ERR_KEY_STORE', 'the file is not a key store');
  return json.keysets.map(parseKeysetRecord);
}
