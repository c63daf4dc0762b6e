import { createHmac } from 'node:crypto';
import { pae } from '../../bytes.ts';
import { KEY_BYTES } from '../../kdf.ts';
import { divide, inBatches } from './batches.ts';
import type { Kernel } from './kernel.ts';
import { MAX_DATA } from './layout.ts';
import type { Records } from './records.ts';

/** A text, and the key of its MAC, which is borrowed for the call. */
export interface TextMac {
  readonly key: Uint8Array;
  /** Well-formed. */
  readonly text: string;
}

/** Bytes of an HMAC-SHA256. */
const MAC_BYTES = 32;
/** Bytes of PAE in front of its only piece. */
const PAE_HEAD = 16;

/**
 * HMAC-SHA256 of many messages, four at once (RFC 2104, FIPS 180-4; docs/engine.md). Long messages and keys of more than 32 bytes are OpenSSL's.
 *
 * @param keys - one for all messages, or one for each
 */
export function hmacSha256Batch(
  keys: Uint8Array | readonly Uint8Array[],
  messages: readonly Uint8Array[],
): Uint8Array[] {
  const keyOf = (place: number): Uint8Array => (keys instanceof Uint8Array ? keys : (keys[place] as Uint8Array));
  return macs(
    messages,
    (message, place) => fits(keyOf(place), message.length),
    (records, memory, message, place) => {
      if (!records.hasRoom(message.length, 0)) return false;
      memory.bytes.set(message, records.end);
      records.add(message.length, keyOf(place));
      return true;
    },
    (message, place) => createHmac('sha256', keyOf(place)).update(message).digest(),
  );
}

/** HMAC-SHA256 over PAE(text) of many texts: what a blind index is made of (spec/format.md §4). */
export function textMacs(jobs: readonly TextMac[]): Uint8Array[] {
  return macs(
    jobs,
    ({ key, text }) => fits(key, PAE_HEAD + 3 * text.length),
    (records, memory, { key, text }) => {
      if (!records.hasRoom(PAE_HEAD + 3 * text.length, 0)) return false;
      const { bytes, words } = memory;
      const at = records.end;
      const length = memory.writeText(text, at + PAE_HEAD);
      bytes.fill(0, at, at + PAE_HEAD);
      words[at >> 2] = 1;
      words[(at >> 2) + 2] = length;
      records.add(PAE_HEAD + length, key);
      return true;
    },
    ({ key, text }) => createHmac('sha256', key).update(pae(text)).digest(),
  );
}

/** A shorter key is the same as one with zeros behind it (RFC 2104 §2), and the memory is zero where keys go. */
function fits(key: Uint8Array, length: number): boolean {
  return key.length <= KEY_BYTES && length <= MAX_DATA;
}

function macs<T>(
  jobs: readonly T[],
  serves: (job: T, place: number) => boolean,
  put: (records: Records, memory: Kernel, job: T, place: number) => boolean,
  alone: (job: T, place: number) => Uint8Array,
): Uint8Array[] {
  const made: Uint8Array[] = [];
  const { here, elsewhere } = divide(jobs, serves);
  inBatches(
    here.length,
    (records, memory, item) => {
      const place = here[item] as number;
      return put(records, memory, jobs[place] as T, place);
    },
    (records, memory, from, to) => {
      records.prepareMacs();
      memory.macs(to - from);
      for (let record = 0; record < to - from; record++) {
        const slot = records.slot(record);
        made[here[from + record] as number] = memory.bytes.slice(slot, slot + MAC_BYTES);
      }
    },
  );
  for (const place of elsewhere) made[place] = alone(jobs[place] as T, place);
  return made;
}
