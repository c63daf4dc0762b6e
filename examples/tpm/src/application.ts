import {
  APPLICATION_SCOPE,
  FieldCipher,
  type FieldSpec,
  type Keyring,
  keyringFile,
  openKeyring,
} from '@fieldseal/core';
import { tpmSlot } from '@fieldseal/tpm';

/** The field that this application encrypts. With Prisma, the schema says so: see the quickstart. */
const NOTES: FieldSpec = {
  model: 'Patient',
  field: 'notes',
  context: { model: 'Patient', field: 'notes' },
  column: 'String',
  type: 'String',
  pad: null,
};

/** An application that needs no key in its environment: the TPM opens its keyring, once, at the start. */
export class Application {
  readonly #keyring: Keyring;
  readonly #cipher = new FieldCipher();

  private constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  /**
   * Starts on this machine. It fails where the TPM refuses, and uses nothing in its place.
   *
   * @param device - `auto` on a real machine
   */
  static async start(keyringPath: string, device: string): Promise<Application> {
    return new Application(await openKeyring({ storage: keyringFile(keyringPath), openers: [tpmSlot({ device })] }));
  }

  /** Encrypts, as for a column. */
  async seal(notes: string): Promise<string> {
    const view = await this.#keyring.resolve(APPLICATION_SCOPE);
    return String(this.#cipher.encrypt(view, [{ spec: NOTES, value: notes, binding: null }])[0]);
  }

  /** Decrypts what a column holds. */
  async open(stored: string): Promise<string> {
    const cells = this.#cipher.parse([{ spec: NOTES, stored, binding: null }]);
    const view = await this.#keyring.resolve(APPLICATION_SCOPE);
    return String(this.#cipher.decrypt(view, cells)[0]);
  }

  /** Ends it: the keys are wiped. */
  stop(): void {
    this.#keyring.close();
  }
}
