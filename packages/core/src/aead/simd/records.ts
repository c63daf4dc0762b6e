import { copyBytes } from '../../bytes.ts';
import { HEADER_BYTES, NONCE_BYTES, TAG_BYTES } from '../../cell.ts';
import { KEY_BYTES } from '../../kdf.ts';
import type { Kernel } from './kernel.ts';
import {
  AADS,
  CELL_STATE,
  DESCRIPTOR_BYTES,
  DESCRIPTORS,
  END,
  KEYS,
  MAC_STATES,
  MAX_AAD,
  MAX_DATA,
  RECORDS,
  SECRETS_END,
  SLACK,
  SLOTS,
  STATE,
  TEXTS,
} from './layout.ts';

/** Words of a descriptor, in order. */
const LENGTH = 1;
const KEY = 2;
const AAD = 3;
const AAD_LENGTH = 4;
const VERDICT = 5;
const TEXT = 6;
const TEXT_LENGTH = 7;

/** Where the data of a record begins in its slot. */
export const DATA_AT: number = HEADER_BYTES + NONCE_BYTES;

/** Bytes of a cell that are not data. */
export const AROUND_DATA: number = DATA_AT + TAG_BYTES;

/** Bytes that a slot takes: whole vectors, with {@link SLACK} behind the cell. */
export function slotBytes(dataLength: number): number {
  return (dataLength + AROUND_DATA + SLACK + 15) & ~15;
}

/** Whether a record can be served: an empty memory has room for it, and its key is one of the suite. */
export function fitsSlot(dataLength: number, aadLength: number, key: Uint8Array): boolean {
  return dataLength >= 0 && dataLength <= MAX_DATA && aadLength <= MAX_AAD && key.length === KEY_BYTES;
}

/** The records that lie in the memory of the kernel: allots slots, keys, AAD and texts, and wipes them. */
export class Records {
  readonly #kernel: Kernel;
  readonly #keys = new Map<Uint8Array, number>();
  #prepared = false;
  #count = 0;
  #slots = SLOTS;
  #aads = AADS;
  #texts = TEXTS;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Number of records. */
  get count(): number {
    return this.#count;
  }

  /** Address of the next free slot, and the end of those in use. */
  get end(): number {
    return this.#slots;
  }

  /** Whether there is room for one more record with so much data, and for a text of so many bytes. */
  hasRoom(dataLength: number, textBytes: number): boolean {
    return (
      this.#count < RECORDS && this.#slots + slotBytes(dataLength) <= TEXTS && this.#texts + textBytes + SLACK <= END
    );
  }

  /** Adds a record in the slot at {@link end}, or in a later one. Its AAD is the header in its slot, until {@link setAad}. */
  add(dataLength: number, key: Uint8Array | null, slot: number = this.#slots): void {
    const { words } = this.#kernel;
    const at = this.#descriptor(this.#count++);
    words[at] = slot;
    words[at + LENGTH] = dataLength;
    words[at + KEY] = key === null ? 0 : this.#keyAt(key);
    words[at + AAD] = slot;
    words[at + AAD_LENGTH] = HEADER_BYTES;
    words[at + VERDICT] = 0;
    words[at + TEXT] = 0;
    words[at + TEXT_LENGTH] = 0;
    this.#slots = slot + slotBytes(dataLength);
  }

  /** AAD of the record that was added last. At most {@link MAX_AAD} bytes. */
  setAad(aad: Uint8Array): void {
    const at = this.#descriptor(this.#count - 1);
    copyBytes(this.#kernel.bytes, this.#aads, aad, 0, aad.length);
    this.#kernel.words[at + AAD] = this.#aads;
    this.#kernel.words[at + AAD_LENGTH] = aad.length;
    this.#aads += aad.length;
  }

  /** Text of the record that was added last: the next `length` bytes of the texts, `spare` more behind them. */
  setText(length: number, spare: number): void {
    const at = this.#descriptor(this.#count - 1);
    this.#kernel.words[at + TEXT] = this.#texts;
    this.#kernel.words[at + TEXT_LENGTH] = length;
    this.#texts += length + spare;
  }

  /** Address of a record's data. */
  data(record: number): number {
    return this.slot(record) + DATA_AT;
  }

  /** Address of a record's cell. */
  slot(record: number): number {
    return this.#kernel.words[this.#descriptor(record)] as number;
  }

  /** Bytes of a record's data. */
  length(record: number): number {
    return this.#kernel.words[this.#descriptor(record) + LENGTH] as number;
  }

  /** What the kernel says of a record. */
  verdict(record: number): number {
    return this.#kernel.words[this.#descriptor(record) + VERDICT] as number;
  }

  /** Text of a record, of which {@link setText} was told. */
  text(record: number): string {
    const at = this.#descriptor(record);
    const from = this.#kernel.words[at + TEXT] as number;
    return this.#kernel.readAscii(from, from + (this.#kernel.words[at + TEXT_LENGTH] as number));
  }

  /** Prepares the keys for MACs, and points the records to what came out. */
  prepareMacs(): void {
    this.#prepared = true;
    this.#kernel.keys(this.#keys.size);
    for (let record = 0; record < this.#count; record++) {
      const at = this.#descriptor(record) + KEY;
      this.#kernel.words[at] = MAC_STATES + ((this.#kernel.words[at] as number) - KEYS) * 2;
    }
  }

  /** Overwrites keys, working state and slots, and forgets all records. */
  wipe(): void {
    if (this.#prepared) this.#kernel.wipe(STATE, SECRETS_END, this.#slots);
    else this.#kernel.wipe(CELL_STATE, KEYS + this.#keys.size * KEY_BYTES, this.#slots);
    this.#prepared = false;
    if (this.#keys.size > 0) this.#keys.clear(); // clearing costs even where there is nothing
    this.#count = 0;
    this.#slots = SLOTS;
    this.#aads = AADS;
    this.#texts = TEXTS;
  }

  #descriptor(record: number): number {
    return (DESCRIPTORS + record * DESCRIPTOR_BYTES) >> 2;
  }

  /** Equal keys are mostly one array: it is copied once. */
  #keyAt(key: Uint8Array): number {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const at = KEYS + this.#keys.size * KEY_BYTES;
    copyBytes(this.#kernel.bytes, at, key, 0, key.length);
    this.#keys.set(key, at);
    return at;
  }
}
