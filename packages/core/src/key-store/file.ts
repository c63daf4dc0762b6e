import { AtomicFile } from '../atomic-file.ts';
import { FieldsealError, isFieldsealError } from '../errors.ts';
import type { KeyStore } from './key-store.ts';
import { type KeysetRecord, parseKeysetRecord } from './keyset-record.ts';
import { picked, replaceRecord } from './memory.ts';

const FORMAT = 'fieldseal-key-store/1';

/**
 * A key store in one JSON file, replaced atomically, for some thousands of scopes on one host. Several processes may share it.
 *
 * @param path - the file; it and its folder are made on the first save
 */
export function fileKeyStore(path: string): KeyStore {
  const file = new AtomicFile(path);
  const records = async (): Promise<ReadonlyMap<string, KeysetRecord>> =>
    new Map(parse(await stored(file.read())).map((record) => [record.scope, record]));
  return {
    load: async (scope) => (await records()).get(scope) ?? null,
    loadMany: async (scopes) => picked(await records(), scopes),
    scopes: async function* () {
      yield* (await records()).keys();
    },
    save: async (record, expected) => {
      for (;;) {
        const text = await stored(file.read());
        const next = replaceRecord(parse(text), record, expected);
        if (next === null) return false;
        // False says that the file changed, perhaps for another scope only. A writer was faster then, so that this loop ends.
        if (await stored(file.replace(text, `${JSON.stringify({ format: FORMAT, keysets: next }, null, 1)}\n`)))
          return true;
      }
    },
  };
}

/** Reports faults of the file as faults of the store. */
async function stored<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!isFieldsealError(cause, 'ERR_KEYRING_IO')) throw cause;
    throw new FieldsealError('ERR_KEY_STORE', 'the file of the key store cannot be read or written', { cause });
  }
}

function parse(text: string | null): readonly KeysetRecord[] {
  if (text === null) return [];
  let json: { format?: unknown; keysets?: unknown } | null;
  try {
    json = JSON.parse(text) as typeof json;
  } catch {
    throw new FieldsealError('ERR_KEY_STORE', 'the key store is not JSON'); // V8's message quotes the text
  }
  if (json?.format !== FORMAT || !Array.isArray(json.keysets))
    throw new FieldsealError('ERR_KEY_STORE', 'the file is not a key store');
  return json.keysets.map(parseKeysetRecord);
}
