import { FieldsealError } from '../errors.ts';
import type { KeyStore } from '../key-store/key-store.ts';
import type { KeysetRecord } from '../key-store/keyset-record.ts';
import { replaceRecord } from '../key-store/memory.ts';
import { APPLICATION_SCOPE } from './key-view.ts';
import type { LiveDocument } from './live-document.ts';

/**
 * The keysets inside a keyring as a key store. What it loads is as old as the last reading of the document.
 *
 * It throws ERR_KEY_STORE where the keyring was made with a key store of its own: whoever forgot to give that would look for keys in the wrong place,
 * and make new ones there, which no other process finds.
 */
export function documentKeyStore(live: LiveDocument): KeyStore {
  return {
    load: async (scope) => keysetsIn(live.current).find((record) => record.scope === scope) ?? null,
    save: async (record, expected) => {
      let saved = false;
      await live.change((document) => {
        const keysets = replaceRecord(keysetsIn(document), record, expected);
        saved = keysets !== null;
        return keysets === null ? null : { ...document, keysets };
      });
      return saved;
    },
    scopes: async function* () {
      for (const { scope } of keysetsIn(live.current)) yield scope;
    },
  };
}

function keysetsIn({ keysets }: { readonly keysets: readonly KeysetRecord[] }): readonly KeysetRecord[] {
  if (keysets.some(({ scope }) => scope === APPLICATION_SCOPE)) return keysets;
  throw new FieldsealError('ERR_KEY_STORE', 'the keys of this keyring lie in a key store, which was not given', {
    hint: 'Give openKeyring its keyStore; on the command line, name it by --key-store or --key-store-url-env.',
  });
}
