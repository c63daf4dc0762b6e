import { FieldsealError } from '../errors.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { Serial } from '../serial.ts';
import { announce } from './announce.ts';
import { authenticateDocument, type KeyringDocument, parseDocument, serializeDocument } from './document.ts';
import type { KeyringStorage } from './storage.ts';

/** How often a change is tried again when other writers come first. */
const ATTEMPTS = 20;

/**
 * The document of an open keyring, as it was last read. Reading again and changing happen one after another, so that what was read before
 * a change is never taken for newer than the change.
 */
export class LiveDocument {
  readonly #storage: KeyringStorage;
  readonly #root: SecretBytes;
  readonly #serial = new Serial();
  #text: string;
  #current: KeyringDocument;

  constructor(storage: KeyringStorage, root: SecretBytes, text: string, document: KeyringDocument) {
    this.#storage = storage;
    this.#root = root;
    this.#text = text;
    this.#current = document;
  }

  /** The newest document that is known. */
  get current(): KeyringDocument {
    return this.#current;
  }

  /** Takes over what another process stored. Throws ERR_KEYRING_MISSING, ERR_KEYRING_DAMAGED, and ERR_KEY_WIPED for a closed keyring. */
  reload(): Promise<void> {
    return this.#serial.run(() => this.#reload());
  }

  /** Applies a change to the newest document; `step` returns null when there is nothing to change, and may be asked again. */
  change(step: (document: KeyringDocument) => KeyringDocument | null): Promise<void> {
    return this.#serial.run(async () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const changed = step(this.#current);
        if (changed === null) return;
        const next = { ...changed, generation: this.#current.generation + 1 };
        const text = serializeDocument(next, this.#root);
        if (await this.#storage.replace(this.#text, text)) {
          this.#text = text;
          this.#current = next;
          return;
        }
        await this.#reload();
      }
      throw new FieldsealError('ERR_KEYRING_BUSY', 'other writers kept changing the keyring');
    });
  }

  async #reload(): Promise<void> {
    this.#root.expose(); // a closed keyring changes nothing, not in an outside key store either
    const text = await this.#storage.read();
    if (text === this.#text) return;
    if (text === null) throw new FieldsealError('ERR_KEYRING_MISSING', `the keyring at ${this.#storage.label} is gone`);
    const { document, mac } = parseDocument(text);
    authenticateDocument(document, mac, this.#root);
    refuseOther(document, this.#current);
    this.#text = text;
    this.#current = document;
    announce('reload', document);
  }
}

/**
 * Refuses what no sequence of changes leads to: another keyring, an older state, which would bring back keys that were disabled, and a state
 * without keys that were there, as when a backup was restored and changed since.
 */
function refuseOther(document: KeyringDocument, known: KeyringDocument): void {
  const damaged = (reason: string) => new FieldsealError('ERR_KEYRING_DAMAGED', reason);
  if (document.id !== known.id) throw damaged('another keyring stands in the place of this one');
  if (document.generation <= known.generation)
    throw damaged('the keyring was replaced by an older or another state of itself');
  const ids = new Set(keyIds(document));
  if (keyIds(known).some((id) => !ids.has(id)))
    throw damaged('the keyring was replaced by one that lacks keys of this one');
}

function keyIds({ keysets }: KeyringDocument): string[] {
  return keysets.flatMap(({ scope, data, index }) =>
    [...data.versions, ...index.versions].map(({ keyId }) => `${keyId} ${scope}`),
  );
}
