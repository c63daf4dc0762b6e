import type { KeyStore } from '../key-store/key-store.ts';
import { replaceRecord } from '../key-store/memory.ts';
import type { LiveDocument } from './live-document.ts';

/** The keysets inside a keyring as a key store. What it loads is as old as the last reading of the document. */
export function documentKeyStore(live: LiveDocument): KeyStore {
  return {
    load: async (scope) => live.current.keysets.find((record) => record.scope === scope) ?? null,
    save: async (record, expected) => {
      let saved = false;
      await live.change((document) => {
        const keysets = replaceRecord(document.keysets, record, expected);
        saved = keysets !== null;
        return keysets === null ? null : { ...document, keysets };
      });
      return saved;
    },
    scopes: async function* () {
      for (const { scope } of live.current.keysets) yield scope;
    },
  };
}
