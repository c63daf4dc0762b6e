import { createSecretKey, randomBytes, randomFillSync } from 'node:crypto';
import { importRival } from '../rivals.ts';
import { type Codec, single, singleAsync } from './codec.ts';

interface Cloak {
  generateKey(): string;
  parseKeySync(key: string): object;
  encryptStringSync(text: string, key: object): string;
  decryptStringSync(stored: string, key: object): string;
}

/** The cryptography of prisma-field-encryption, with a key that is parsed once. */
export async function cloak(): Promise<Codec> {
  const library = await importRival<Cloak>('@47ng/cloak');
  const key = library.parseKeySync(library.generateKey());
  return single(
    (text) => library.encryptStringSync(text, key),
    (stored: string) => library.decryptStringSync(stored, key),
  );
}

interface SodiumNative {
  crypto_aead_xchacha20poly1305_ietf_encrypt(
    cell: Buffer,
    text: Buffer,
    ad: null,
    secret: null,
    nonce: Buffer,
    key: Buffer,
  ): number;
  crypto_aead_xchacha20poly1305_ietf_decrypt(
    text: Buffer,
    secret: null,
    cell: Buffer,
    ad: null,
    nonce: Buffer,
    key: Buffer,
  ): number;
}

const [NONCE, TAG] = [24, 16];

/** libsodium as a native addon: nonces from a pool, and no copies that can be avoided. */
export async function sodiumNative(): Promise<Codec> {
  const sodium = await importRival<SodiumNative>('sodium-native');
  const key = randomBytes(32);
  const nonces = noncePool();
  return single(
    (text) => {
      const plain = Buffer.from(text);
      const cell = Buffer.allocUnsafe(NONCE + plain.length + TAG);
      const nonce = cell.subarray(0, NONCE);
      nonces(nonce);
      sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(cell.subarray(NONCE), plain, null, null, nonce, key);
      return cell.toString('base64url');
    },
    (stored: string) => {
      const cell = Buffer.from(stored, 'base64url');
      const text = Buffer.allocUnsafe(cell.length - NONCE - TAG);
      const nonce = cell.subarray(0, NONCE);
      sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(text, null, cell.subarray(NONCE), null, nonce, key);
      return text.toString('utf8');
    },
  );
}

interface SodiumWrappers {
  readonly ready: Promise<void>;
  crypto_aead_xchacha20poly1305_ietf_encrypt(
    text: string,
    ad: null,
    secret: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): Uint8Array;
  crypto_aead_xchacha20poly1305_ietf_decrypt(
    secret: null,
    cell: Uint8Array,
    ad: null,
    nonce: Uint8Array,
    key: Uint8Array,
    format: 'text',
  ): string;
}

/** libsodium as WebAssembly. */
export async function sodiumWrappers(): Promise<Codec> {
  const sodium = await importRival<SodiumWrappers>('libsodium-wrappers');
  await sodium.ready;
  const key = randomBytes(32);
  const nonces = noncePool();
  return single(
    (text) => {
      const nonce = Buffer.allocUnsafe(NONCE);
      nonces(nonce);
      const body = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(text, null, null, nonce, key);
      return Buffer.concat([nonce, body]).toString('base64url');
    },
    (stored: string) => {
      const cell = Buffer.from(stored, 'base64url');
      const [nonce, body] = [cell.subarray(0, NONCE), cell.subarray(NONCE)];
      return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, body, null, nonce, key, 'text');
    },
  );
}

/** Writes the next nonce of a pool. */
function noncePool(): (into: Buffer) => void {
  const pool = Buffer.alloc(NONCE * 170);
  let used = pool.length;
  return (into) => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    pool.copy(into, 0, used, used + NONCE);
    used += NONCE;
  };
}

interface CipherSweet {
  CipherSweet: new (keys: object, backend: object) => object;
  StringProvider: new (key: string) => object;
  ModernCrypto: new () => object;
  EncryptedField: new (
    engine: object,
    table: string,
    field: string,
  ) => {
    encryptValue(text: string): Promise<string>;
    decryptValue(stored: string): Promise<Buffer | string>;
  };
}

/** ciphersweet-js with its fastest backend. */
export async function cipherSweet(): Promise<Codec> {
  const library = await importRival<CipherSweet>('ciphersweet-js');
  const keys = new library.StringProvider(randomBytes(32).toString('hex'));
  const engine = new library.CipherSweet(keys, new library.ModernCrypto());
  const field = new library.EncryptedField(engine, 'person', 'email');
  return singleAsync(
    (text) => field.encryptValue(text),
    async (stored: string) => (await field.decryptValue(stored)).toString(),
  );
}

interface AwsClient {
  buildClient(policy: string): {
    encrypt(keyring: object, text: string, options: object): Promise<{ result: Buffer }>;
    decrypt(keyring: object, cell: Buffer): Promise<{ plaintext: Buffer }>;
  };
  CommitmentPolicy: Readonly<Record<string, string>>;
  AlgorithmSuiteIdentifier: Readonly<Record<string, number>>;
  RawAesKeyringNode: new (options: object) => object;
  RawAesWrappingSuiteIdentifier: Readonly<Record<string, number>>;
}

/** The AWS Encryption SDK with a local key and its fastest suite, one that commits to the key and does not sign. */
export async function awsEncryptionSdk(): Promise<Codec> {
  const library = await importRival<AwsClient>('@aws-crypto/client-node');
  const client = library.buildClient(library.CommitmentPolicy['REQUIRE_ENCRYPT_REQUIRE_DECRYPT'] as string);
  const keyring = new library.RawAesKeyringNode({
    keyName: 'bench',
    keyNamespace: 'fieldseal',
    unencryptedMasterKey: Uint8Array.from(randomBytes(32)),
    wrappingSuite: library.RawAesWrappingSuiteIdentifier['AES256_GCM_IV12_TAG16_NO_PADDING'],
  });
  const suiteId = library.AlgorithmSuiteIdentifier['ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY'];
  return singleAsync(
    async (text) => (await client.encrypt(keyring, text, { suiteId })).result.toString('base64url'),
    async (stored: string) => {
      const { plaintext } = await client.decrypt(keyring, Buffer.from(stored, 'base64url'));
      return plaintext.toString('utf8');
    },
  );
}

interface Jose {
  CompactEncrypt: new (
    text: Uint8Array,
  ) => {
    setProtectedHeader(header: object): { encrypt(key: object): Promise<string> };
  };
  compactDecrypt(stored: string, key: object): Promise<{ plaintext: Uint8Array }>;
}

/** JSON Web Encryption, with the key used directly. */
export async function jose(): Promise<Codec> {
  const library = await importRival<Jose>('jose');
  const key = createSecretKey(randomBytes(32));
  return singleAsync(
    (text) =>
      new library.CompactEncrypt(Buffer.from(text)).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(key),
    async (stored: string) => Buffer.from((await library.compactDecrypt(stored, key)).plaintext).toString('utf8'),
  );
}
