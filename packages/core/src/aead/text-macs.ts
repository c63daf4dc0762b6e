import { createHmac, randomBytes } from 'node:crypto';
import { fromHex, pae, utf8 } from '../bytes.ts';
import { hmacSha256Batch, textMacs as simdTextMacs, type TextMac } from './simd/hmac.ts';

/** RFC 4231, test cases 1 and 2: key, message and HMAC-SHA256. */
const KNOWN_ANSWERS: readonly (readonly [Uint8Array, string, string])[] = [
  [new Uint8Array(20).fill(0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [utf8('Jefe'), 'what do ya want for nothing?', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
];

let simd: boolean | undefined;

/**
 * HMAC-SHA256 over PAE(text) of each text, in order: what the terms of blind indexes are made of (spec/format.md §4). Four at once where the
 * kernel passes its self-test, else by OpenSSL; the bytes are the same.
 */
export function textMacs(jobs: readonly TextMac[]): Uint8Array[] {
  simd ??= macsWork(hmacSha256Batch, simdTextMacs);
  return simd ? simdTextMacs(jobs) : jobs.map(textMac);
}

/** A message, and the key of its MAC, which is borrowed for the call. */
export interface MessageMac {
  readonly key: Uint8Array;
  readonly message: Uint8Array;
}

/** HMAC-SHA256 of each message, in order, by the same code as {@link textMacs}. */
export function messageMacs(jobs: readonly MessageMac[]): Uint8Array[] {
  simd ??= macsWork(hmacSha256Batch, simdTextMacs);
  if (!simd) return jobs.map(({ key, message }) => createHmac('sha256', key).update(message).digest());
  return hmacSha256Batch(
    jobs.map(({ key }) => key),
    jobs.map(({ message }) => message),
  );
}

/** One MAC by OpenSSL. */
export function textMac({ key, text }: TextMac): Uint8Array {
  return createHmac('sha256', key).update(pae(text)).digest();
}

/** Whether the functions give the published answers, and those of OpenSSL for random messages of up to three blocks. */
export function macsWork(messageMacs: typeof hmacSha256Batch, macs: typeof simdTextMacs): boolean {
  try {
    const answers = messageMacs(
      KNOWN_ANSWERS.map(([key]) => key),
      KNOWN_ANSWERS.map(([, message]) => utf8(message)),
    );
    const jobs = [0, 1, 20, 39, 40, 48, 100, 170].map((length): TextMac => {
      return { key: randomBytes(32), text: randomBytes(length).toString('latin1') };
    });
    const made = macs(jobs);
    return (
      KNOWN_ANSWERS.every(([, , mac], at) => equal(answers[at], fromHex(mac))) &&
      jobs.every((job, at) => equal(made[at], textMac(job)))
    );
  } catch {
    return false; // no WebAssembly
  }
}

function equal(found: Uint8Array | undefined, expected: Uint8Array | null): boolean {
  return found !== undefined && expected !== null && Buffer.compare(found, expected) === 0;
}
