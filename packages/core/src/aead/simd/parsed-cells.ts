import { copyBytes, toHex } from '../../bytes.ts';
import { Cell, HEADER_BYTES } from '../../cell.ts';
import { isSuite } from '../../suite.ts';
import type { Kernel } from './kernel.ts';
import { FAILED } from './layout.ts';
import { AROUND_DATA, type Records } from './records.ts';

/** Bytes of ciphertext that one array holds, so that few are allocated; a cell that is kept keeps its array. */
const BLOCK_BYTES = 32_768;

/** Cells that were decoded to the memory of the kernel, copied out of it. They keep their distances, so that opening copies many at once. */
export class ParsedCells {
  #block = new Uint8Array(0);
  #used = 0;
  /** The header that was read last: most cells are under one key. */
  #header: readonly [number, number, number] = [0, 0, 0];
  #suite = 0;
  #keyId = '';

  /** Gives the cells of the records whose text was canonical and names a known suite to `found`. */
  copy(records: Records, { bytes, words }: Kernel, found: (record: number, cell: Cell) => void): void {
    const base = records.slot(0);
    const offset = this.#allot(records.end - base) - base;
    copyBytes(this.#block, base + offset, bytes, base, records.end);
    for (let record = 0; record < records.count; record++) {
      if (records.verdict(record) === FAILED) continue;
      const slot = records.slot(record);
      this.#readHeader(bytes, words, slot);
      if (!isSuite(this.#suite)) continue;
      const end = slot + records.length(record) + AROUND_DATA;
      found(record, new Cell(this.#suite, this.#keyId, this.#block, slot + offset, end + offset));
    }
  }

  /** Where in the block so many bytes may go. */
  #allot(length: number): number {
    if (this.#used + length > this.#block.length) {
      this.#block = new Uint8Array(Math.max(length, BLOCK_BYTES));
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += length;
    return at;
  }

  #readHeader(bytes: Uint8Array, words: Uint32Array, slot: number): void {
    const [first, second, last] = this.#header;
    const at = slot >> 2;
    if (words[at] === first && words[at + 1] === second && bytes[slot + 8] === last) return;
    this.#header = [words[at] as number, words[at + 1] as number, bytes[slot + 8] as number];
    this.#suite = bytes[slot] as number;
    this.#keyId = toHex(bytes.subarray(slot + 1, slot + HEADER_BYTES));
  }
}
