/**
 * Signed notes with Ed25519, as C2SP has them (https://c2sp.org/signed-note): a text, an empty line, and a line per signature. Keys are
 * written as the tools around it write them (golang.org/x/mod/sumdb/note).
 *
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { FieldsealError, SecretBytes } from '@fieldseal/core';

/** Algorithm byte of Ed25519 in key ids and keys. */
const ED25519 = 1;
const KEY_BYTES = 32;
/** PKCS #8 and SubjectPublicKeyInfo of Ed25519 (RFC 8410) up to the key. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
/** Neither white space nor a plus sign. */
const NAME = /^[^\s+]{1,128}$/;
const PRIVATE_PREFIX = 'PRIVATE+KEY+';

/** Checks signatures of one key. */
export interface NoteVerifier {
  readonly name: string;
  /** `<name>+<key id>+<key>`, to be given to whoever verifies. */
  readonly text: string;
  /** Whether the note has a good signature of this key. Other signatures in it are ignored, as the format demands. */
  verifies(note: string): boolean;
}

/** Signs notes with one key, which it keeps in a key object of OpenSSL. */
export interface NoteSigner {
  readonly name: string;
  readonly verifier: NoteVerifier;
  /** The note: text, empty line, signature. The text ends with a line feed. */
  sign(text: string): string;
}

/**
 * A signer of the 32 bytes of an Ed25519 seed. The seed may be wiped afterwards.
 *
 * @throws ERR_OPTIONS for a name with white space or `+`, ERR_KEY_INVALID for another length
 */
export function noteSigner(name: string, seed: SecretBytes): NoteSigner {
  if (!NAME.test(name))
    throw new FieldsealError('ERR_OPTIONS', 'the name of a signing key has no white space and no plus sign');
  if (seed.length !== KEY_BYTES) throw invalidKey();
  const der = Buffer.concat([PKCS8, seed.expose()]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  const verifier = verifierOf(name, createPublicKey(key));
  return {
    name,
    verifier: verifier.verifier,
    sign: (text) => {
      const bytes = Buffer.concat([verifier.id, sign(null, Buffer.from(text), key)]);
      return `${text}\n— ${name} ${bytes.toString('base64')}\n`;
    },
  };
}

/** Reads a private key, `PRIVATE+KEY+<name>+<key id>+<base64>`. Throws ERR_KEY_INVALID. */
export function parseNoteSigner(text: string): NoteSigner {
  const trimmed = text.trim();
  if (!trimmed.startsWith(PRIVATE_PREFIX)) throw invalidKey();
  const { name, id, key } = keyParts(trimmed.slice(PRIVATE_PREFIX.length));
  const seed = SecretBytes.take(key);
  try {
    const signer = noteSigner(name, seed);
    if (keyIdOf(signer.verifier.text) !== id) throw invalidKey();
    return signer;
  } finally {
    seed.wipe();
  }
}

/** Writes a private key as {@link parseNoteSigner} reads it. */
export function formatNoteSigner(name: string, seed: SecretBytes): string {
  const id = keyIdOf(noteSigner(name, seed).verifier.text);
  return `${PRIVATE_PREFIX}${name}+${id}+${Buffer.concat([Buffer.of(ED25519), seed.expose()]).toString('base64')}`;
}

/** Reads a public key, `<name>+<key id>+<base64>`. Throws ERR_KEY_INVALID. */
export function parseNoteVerifier(text: string): NoteVerifier {
  const { name, id, key } = keyParts(text.trim());
  const made = verifierOf(name, createPublicKey({ key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' }));
  if (made.id.toString('hex') !== id) throw invalidKey();
  return made.verifier;
}

/** Text of a note without its signatures; null when it is none. */
export function noteText(note: string): string | null {
  const end = note.lastIndexOf('\n\n');
  return end === -1 || !note.endsWith('\n') ? null : note.slice(0, end + 1);
}

function verifierOf(name: string, key: KeyObject): { readonly id: Buffer; readonly verifier: NoteVerifier } {
  const raw = key.export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  const tagged = Buffer.concat([Buffer.of(ED25519), raw]);
  const id = createHash('sha256').update(`${name}\n`).update(tagged).digest().subarray(0, 4);
  const verifies = (note: string): boolean => {
    const text = noteText(note);
    if (text === null) return false;
    return note
      .slice(text.length + 1)
      .split('\n')
      .map((line) => /^— (\S+) ([A-Za-z0-9+/]+={0,2})$/.exec(line))
      .some((found) => {
        const bytes = Buffer.from(found?.[2] ?? '', 'base64');
        return (
          found?.[1] === name &&
          bytes.length === 68 &&
          bytes.subarray(0, 4).equals(id) &&
          verify(null, Buffer.from(text), key, bytes.subarray(4))
        );
      });
  };
  return { id, verifier: { name, text: `${name}+${id.toString('hex')}+${tagged.toString('base64')}`, verifies } };
}

function keyParts(text: string): { readonly name: string; readonly id: string; readonly key: Buffer } {
  const [, name, id, encoded] = /^([^\s+]{1,128})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(text) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || id === undefined || bytes.length !== 33 || bytes[0] !== ED25519) throw invalidKey();
  const key = Buffer.from(bytes.subarray(1));
  bytes.fill(0);
  return { name, id, key };
}

function keyIdOf(verifierText: string): string {
  return verifierText.split('+')[1] ?? '';
}

function invalidKey(): FieldsealError {
  return new FieldsealError('ERR_KEY_INVALID', 'this is no signing key of an audit log', {
    hint: 'Make a pair with `fieldseal audit key`, and check for missing or changed characters.',
  });
}
