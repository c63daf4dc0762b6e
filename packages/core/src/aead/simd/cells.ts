import { isUtf8 } from 'node:buffer';
import { type Cell, HEADER_BYTES, MIN_CELL_BYTES, NONCE_BYTES, TEXT_PREFIX } from '../../cell.ts';
import { type SuiteId, XCHACHA20_POLY1305 } from '../../suite.ts';
import { encodeValue } from '../../value.ts';
import type { CellEngine, OpenJob, ReadBatch, SealJob } from '../cell-engine.ts';
import { messageCells } from '../message-cells.ts';
import { nativeEngine } from '../native.ts';
import type { NoncePool } from '../nonce-pool.ts';
import { divide, inBatches, pick } from './batches.ts';
import { CellRuns } from './cell-runs.ts';
import type { Kernel } from './kernel.ts';
import { FAILED, HEADER, MAX_DATA, NONCES, NOT_ASCII, TEXTS } from './layout.ts';
import { ParsedCells } from './parsed-cells.ts';
import { AROUND_DATA, DATA_AT, fitsSlot, type Records } from './records.ts';

/** The kernel writes texts in whole vectors of so many bytes. */
const VECTOR = 16;

/** The type tag of an unpadded String. */
const STRING_TAG = encodeValue('String', '', null)[0] as number;

/** Cells of the other suite, and long ones. */
const others = messageCells(nativeEngine);

/** Holds ciphertext only, so that all parsing may share it. */
const parsed = new ParsedCells();

/** Whole cells in the memory of the kernel: texts go in and come out without arrays of their own. */
export const simdCells: CellEngine = { seal, parse, open, read };

function seal(
  suite: SuiteId,
  header: Uint8Array,
  jobs: readonly SealJob[],
  nonces: NoncePool,
): (string | Uint8Array)[] {
  if (suite !== XCHACHA20_POLY1305) return others.seal(suite, header, jobs, nonces);
  const cells: (string | Uint8Array)[] = [];
  const { here, elsewhere } = divide(jobs, (job) => fitsSlot(plaintextBytes(job), job.aad?.length ?? 0, job.key));
  inBatches(
    here.length,
    (records, memory, item) => putPlaintext(records, memory, jobs[here[item] as number] as SealJob),
    (records, memory, from, to) => {
      const count = to - from;
      for (let at = 0; at < HEADER_BYTES; at++) memory.bytes[HEADER + at] = header[at] as number;
      nonces.fill(memory.bytes, NONCES, NONCES + count * NONCE_BYTES);
      memory.stamp(count, HEADER, NONCES);
      memory.seal(count);
      memory.encode(count);
      for (let record = 0; record < count; record++) {
        const place = here[from + record] as number;
        cells[place] = jobs[place]?.text === true ? records.text(record) : cellBytes(records, memory, record);
      }
    },
  );
  if (elsewhere.length === 0) return cells;
  const rest = others.seal(suite, header, pick(jobs, elsewhere), nonces);
  for (let at = 0; at < rest.length; at++) cells[elsewhere[at] as number] = rest[at] as string | Uint8Array;
  return cells;
}

function putPlaintext(records: Records, memory: Kernel, { key, aad, plaintext, text }: SealJob): boolean {
  const most = typeof plaintext === 'string' ? 1 + 3 * plaintext.length : plaintext.length;
  if (!records.hasRoom(most, textLength(most))) return false;
  const data = records.end + DATA_AT;
  let length = most;
  if (typeof plaintext === 'string') {
    memory.bytes[data] = STRING_TAG;
    length = 1 + memory.writeText(plaintext, data + 1);
  } else memory.bytes.set(plaintext, data);
  records.add(length, key);
  if (aad !== null) records.setAad(aad);
  if (text) records.setText(textLength(length), VECTOR);
  return true;
}

function cellBytes(records: Records, memory: Kernel, record: number): Uint8Array {
  const slot = records.slot(record);
  return memory.bytes.slice(slot, slot + records.length(record) + AROUND_DATA);
}

function parse(texts: readonly string[]): (Cell | null)[] {
  const cells: (Cell | null)[] = new Array(texts.length).fill(null);
  const { here } = divide(texts, (text) => {
    const length = dataLength(text.length);
    return length >= MIN_CELL_BYTES - AROUND_DATA && length <= MAX_DATA;
  });
  inBatches(
    here.length,
    (records, _memory, item) => {
      const { length } = texts[here[item] as number] as string;
      if (!records.hasRoom(dataLength(length), length)) return false;
      records.add(dataLength(length), null);
      records.setText(length, 0);
      return true;
    },
    (records, memory, from, to) => {
      if (!putTexts(memory, pick(texts, here.slice(from, to)))) return;
      memory.decode(to - from);
      parsed.copy(records, memory, (record, cell) => {
        cells[here[from + record] as number] = cell;
      });
    },
  );
  return cells;
}

function open(jobs: readonly OpenJob[]): (string | Uint8Array | null)[] {
  const opened: (string | Uint8Array | null)[] = new Array(jobs.length).fill(null);
  const { here, elsewhere } = divide(
    jobs,
    ({ cell, aad, key }) => cell.suite === XCHACHA20_POLY1305 && fitsSlot(dataBytes(cell), aad?.length ?? 0, key),
  );
  const runs = new CellRuns();
  inBatches(
    here.length,
    (records, _memory, item) => {
      const { key, cell, aad } = jobs[here[item] as number] as OpenJob;
      const slot = runs.slotFor(cell, records.end);
      const length = dataBytes(cell);
      if (!records.hasRoom(length + slot - records.end, 0)) return false;
      records.add(length, key, slot);
      if (aad !== null) records.setAad(aad);
      runs.add(cell, slot);
      return true;
    },
    (records, memory, from, to) => {
      runs.copyInto(memory.bytes);
      memory.open(to - from);
      memory.scan(to - from);
      for (let record = 0; record < to - from; record++) {
        const place = here[from + record] as number;
        opened[place] = readPlaintext(records, memory, record, jobs[place]?.text === true);
      }
    },
  );
  if (elsewhere.length === 0) return opened;
  const rest = others.open(pick(jobs, elsewhere));
  for (let at = 0; at < rest.length; at++) opened[elsewhere[at] as number] = rest[at] as Uint8Array | null;
  return opened;
}

/** Opens texts where they were decoded to; the header is authenticated as it stands in the cell. */
function read({ stored, keys, headers, aads, text }: ReadBatch): (string | Uint8Array | null)[] {
  const opened: (string | Uint8Array | null)[] = new Array(stored.length).fill(null);
  for (let item = 0; item < stored.length; item++) {
    const length = dataLength((stored[item] as string).length);
    const ours = (headers[item] as Uint8Array)[0] === XCHACHA20_POLY1305 && length >= MIN_CELL_BYTES - AROUND_DATA;
    if (!ours || !fitsSlot(length, aads[item]?.length ?? 0, keys[item] as Uint8Array)) return opened;
  }
  inBatches(
    stored.length,
    (records, _memory, item) => {
      const { length } = stored[item] as string;
      if (!records.hasRoom(dataLength(length), length)) return false;
      records.add(dataLength(length), keys[item] as Uint8Array);
      const aad = aads[item];
      if (aad != null) records.setAad(aad);
      records.setText(length, 0);
      return true;
    },
    (records, memory, from, to) => {
      const count = to - from;
      if (!putTexts(memory, count === stored.length ? stored : stored.slice(from, to))) return;
      if (memory.read(count) === 0) return;
      for (let record = 0; record < count; record++)
        if (!hasHeader(memory, records.slot(record), headers[from + record] as Uint8Array)) return;
      for (let record = 0; record < count; record++)
        opened[from + record] = readPlaintext(records, memory, record, text[from + record] === true);
    },
  );
  return opened;
}

/** Writes the texts of the records. False when one is not ASCII. */
function putTexts(memory: Kernel, texts: readonly string[]): boolean {
  // Writing one long text is far cheaper than many short ones. Characters beyond ASCII take more bytes.
  const joined = texts.join('');
  return memory.writeText(joined, TEXTS) === joined.length;
}

function hasHeader({ bytes }: Kernel, slot: number, header: Uint8Array): boolean {
  for (let at = 0; at < HEADER_BYTES; at++) if (bytes[slot + at] !== header[at]) return false;
  return true;
}

function dataBytes({ start, end }: Cell): number {
  return end - start - AROUND_DATA;
}

/** Most plaintexts are short, so that the worst case of UTF-8 fits too; others are counted. */
function plaintextBytes({ plaintext }: SealJob): number {
  if (typeof plaintext !== 'string') return plaintext.length;
  const most = 1 + 3 * plaintext.length;
  return most <= MAX_DATA ? most : 1 + Buffer.byteLength(plaintext);
}

/** Characters of the text of a cell with so many bytes of data. */
function textLength(dataLength: number): number {
  return TEXT_PREFIX.length + Math.ceil(((dataLength + AROUND_DATA) * 4) / 3);
}

/** Bytes of data in the cell whose text has so many characters; negative for what is too short. */
function dataLength(characters: number): number {
  return Math.floor(((characters - TEXT_PREFIX.length) * 3) / 4) - AROUND_DATA;
}

function readPlaintext(records: Records, memory: Kernel, record: number, text: boolean): string | Uint8Array | null {
  const verdict = records.verdict(record);
  if (verdict === FAILED) return null;
  const from = records.data(record);
  const to = from + records.length(record);
  if (text && memory.bytes[from] === STRING_TAG) {
    if (verdict !== NOT_ASCII) return memory.readAscii(from + 1, to);
    if (isUtf8(memory.bytes.subarray(from + 1, to))) return memory.readUtf8(from + 1, to);
  }
  return memory.bytes.slice(from, to);
}
