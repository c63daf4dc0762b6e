import { createCipheriv } from 'node:crypto';

/** What a new row of a searched table is made of. */
export interface NewPatient {
  readonly name: string;
  readonly born: Date;
}

const CONSONANTS = 'bdfghklmnprstvwz';
const VOWELS = 'aeiou';
/** Bytes of the key stream that one patient takes. */
const BYTES = 20;
const FIRST_DAY = Date.UTC(1950, 0, 1);
const DAYS = 28_000;

/**
 * Made-up patients, the same at every call: names of two words of four syllables, and days of birth of 76 years.
 *
 * @param from - number of the first
 */
export function patientsFrom(from: number, count: number): NewPatient[] {
  const counter = Buffer.alloc(16);
  // A patient takes two blocks of AES.
  counter.writeBigUInt64BE(BigInt(2 * from), 8);
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16), counter).update(Buffer.alloc(32 * count));
  return Array.from({ length: count }, (_, at) => patientOf(stream.subarray(32 * at, 32 * at + BYTES)));
}

function patientOf(bytes: Uint8Array): NewPatient {
  const syllables = Array.from({ length: 8 }, (_, at) => {
    const [first, second] = [bytes[2 * at] as number, bytes[2 * at + 1] as number];
    return `${CONSONANTS[first % CONSONANTS.length]}${VOWELS[second % VOWELS.length]}`;
  });
  const day = ((bytes[16] as number) * 256 + (bytes[17] as number)) % DAYS;
  return {
    name: `${syllables.slice(0, 4).join('')} ${syllables.slice(4).join('')}`,
    born: new Date(FIRST_DAY + day * 86_400_000),
  };
}
