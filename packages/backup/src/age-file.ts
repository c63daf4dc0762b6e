/**
 * Encryption of archives: the age format, version 1 (age-encryption.org/v1), by the npm package age-encryption. Debian's `age` opens what is
 * written for X25519 recipients.
 *
 * @module
 */
import { ReadableStream as WebStream } from 'node:stream/web';
import { FieldsealError } from '@fieldseal/core';
import { Decrypter, Encrypter } from 'age-encryption';

/**
 * Whether hybrid post-quantum recipients (`age1pq1…`) are used: `off` refuses them, since age before 1.3 cannot read such files; `prefer` takes
 * both kinds, of which the weaker one decides; `require` refuses the others.
 */
export type PostQuantum = 'off' | 'prefer' | 'require';

const CLASSIC = /^age1(?!pq1|tag)[a-z0-9]+$/;
const HYBRID = /^age1pq1[a-z0-9]+$/;

/**
 * Checks the recipients of an archive before anything is read for it.
 *
 * @throws ERR_BACKUP_RECIPIENT when there is none, one is mistyped or stands twice, or is of a kind that `pq` does not allow
 */
export function checkRecipients(recipients: readonly string[], pq: PostQuantum): void {
  if (recipients.length === 0)
    throw refused('a backup needs a recipient', 'Make one by `age-keygen`, and keep its identity off this machine.');
  if (new Set(recipients).size < recipients.length) throw refused('a recipient of the backup stands twice');
  for (const recipient of recipients) {
    const kind = CLASSIC.test(recipient) ? 'classic' : HYBRID.test(recipient) ? 'hybrid' : null;
    if (kind === null) throw refused('a recipient of the backup is no age recipient (age1…)');
    if (kind === 'hybrid' && pq === 'off')
      throw refused(
        'a recipient is post-quantum, which age before version 1.3 cannot read',
        'Allow it by pq: prefer, or give an X25519 recipient.',
      );
    if (kind === 'classic' && pq === 'require')
      throw refused('a recipient is not post-quantum, and opens the whole file', 'Leave it out, or take pq: prefer.');
    try {
      new Encrypter().addRecipient(recipient); // checks the checksum of the text
    } catch {
      throw refused('a recipient of the backup is mistyped');
    }
  }
}

/** Encrypts a stream for recipients that {@link checkRecipients} has passed. */
export async function encryptStream(
  plain: ReadableStream<Uint8Array>,
  recipients: readonly string[],
): Promise<ReadableStream<Uint8Array>> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return encrypter.encrypt(plain);
}

/**
 * Decrypts a stream. What comes out is authenticated piece by piece: use none of it before the stream has ended.
 *
 * @param identities - `AGE-SECRET-KEY-1…`, tried in order
 * @throws ERR_BACKUP_LOCKED when none opens the file or it is no age file; later, from the stream, errors of age for damaged data
 */
export async function decryptStream(
  sealed: ReadableStream<Uint8Array>,
  identities: readonly string[],
): Promise<ReadableStream<Uint8Array>> {
  const decrypter = decrypterOf(identities);
  try {
    return await decrypter.decrypt(sealed);
  } catch {
    throw locked('none of the identities opens the file, or its header is damaged');
  }
}

/**
 * Encrypts anything for X25519 recipients, as a stream.
 *
 * @throws ERR_BACKUP_RECIPIENT before anything of the source is read
 */
export async function sealStream(
  source: AsyncIterable<Uint8Array>,
  recipients: readonly string[],
): Promise<AsyncIterable<Uint8Array>> {
  checkRecipients(recipients, 'off');
  const sealed = await encryptStream(WebStream.from(source) as unknown as ReadableStream<Uint8Array>, recipients);
  return sealed as unknown as AsyncIterable<Uint8Array>;
}

/**
 * Opens what {@link sealStream} wrote, piece by piece. Each piece is authenticated; that none is missing is known at the end.
 *
 * @throws ERR_BACKUP_LOCKED when no identity opens it, ERR_BACKUP_DAMAGED from the stream when it was changed or cut off
 */
export async function* openStream(
  sealed: AsyncIterable<Uint8Array>,
  identities: readonly string[],
): AsyncGenerator<Uint8Array> {
  const plain = await decryptStream(WebStream.from(sealed) as unknown as ReadableStream<Uint8Array>, identities);
  try {
    yield* plain as unknown as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw new FieldsealError('ERR_BACKUP_DAMAGED', 'the file was changed, or is cut off', { cause });
  }
}

/** Encrypts a text for one recipient that {@link checkRecipients} has passed. */
export async function sealText(text: string, recipient: string): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter.encrypt(text);
}

/**
 * Opens a small file that was encrypted by age.
 *
 * @throws ERR_BACKUP_LOCKED when no identity opens it, or it was changed
 */
export async function openText(sealed: Uint8Array, identities: readonly string[]): Promise<string> {
  const decrypter = decrypterOf(identities);
  try {
    return await decrypter.decrypt(sealed, 'text');
  } catch {
    throw locked('none of the identities opens the file, or it was changed');
  }
}

/** Number of recipients in the header of an age file, which is text up to its MAC; null when it is no such header. */
export function stanzaCount(start: Uint8Array): number | null {
  const text = Buffer.from(start).toString('latin1');
  const end = text.indexOf('\n--- ');
  if (!text.startsWith('age-encryption.org/v1\n') || end < 0) return null;
  return text.slice(0, end + 1).match(/^-> /gm)?.length ?? 0;
}

function decrypterOf(identities: readonly string[]): Decrypter {
  const decrypter = new Decrypter();
  for (const identity of identities) {
    try {
      decrypter.addIdentity(identity);
    } catch {
      throw locked('an identity is no age identity (AGE-SECRET-KEY-1…)'); // the package's message may quote the text
    }
  }
  return decrypter;
}

function refused(message: string, hint?: string): FieldsealError {
  return new FieldsealError('ERR_BACKUP_RECIPIENT', message, { hint });
}

function locked(message: string): FieldsealError {
  return new FieldsealError('ERR_BACKUP_LOCKED', message);
}
