import { copyBytes } from '../../bytes.ts';
import { NONCE_BYTES, TAG_BYTES } from '../../cell.ts';
import { XCHACHA20_POLY1305 } from '../../suite.ts';
import type { AeadEngine, AeadMessage } from '../engine.ts';
import { nativeEngine } from '../native.ts';
import { divide, inBatches, pick } from './batches.ts';
import { simdCells } from './cells.ts';
import type { Kernel } from './kernel.ts';
import { FAILED } from './layout.ts';
import { DATA_AT, fitsSlot, type Records } from './records.ts';

/**
 * XChaCha20-Poly1305 on four records at once, in WebAssembly (docs/engine.md). Messages of the AES suite, and long ones, are the native
 * engine's, in the same call.
 */
export const simdEngine: AeadEngine = { name: 'simd', cells: simdCells, encrypt, decrypt };

function encrypt(batch: readonly AeadMessage[]): Uint8Array[] {
  const sealed: Uint8Array[] = [];
  const { here, elsewhere } = divide(batch, (message) => serves(message, message.data.length));
  inBatches(
    here.length,
    (records, memory, item) => put(records, memory, batch[here[item] as number] as AeadMessage, 0),
    (records, memory, from, to) => {
      memory.seal(to - from);
      for (let record = 0; record < to - from; record++) {
        const data = records.data(record);
        sealed[here[from + record] as number] = memory.bytes.slice(data, data + records.length(record) + TAG_BYTES);
      }
    },
  );
  const others = nativeEngine.encrypt(pick(batch, elsewhere));
  for (const [at, place] of elsewhere.entries()) sealed[place] = others[at] as Uint8Array;
  return sealed;
}

function decrypt(batch: readonly AeadMessage[]): (Uint8Array | null)[] {
  const opened: (Uint8Array | null)[] = [];
  const { here, elsewhere } = divide(batch, (message) => serves(message, message.data.length - TAG_BYTES));
  inBatches(
    here.length,
    (records, memory, item) => put(records, memory, batch[here[item] as number] as AeadMessage, TAG_BYTES),
    (records, memory, from, to) => {
      memory.open(to - from);
      for (let record = 0; record < to - from; record++) {
        const data = records.data(record);
        opened[here[from + record] as number] =
          records.verdict(record) === FAILED ? null : memory.bytes.slice(data, data + records.length(record));
      }
    },
  );
  const others = nativeEngine.decrypt(pick(batch, elsewhere));
  for (const [at, place] of elsewhere.entries()) opened[place] = others[at] as Uint8Array | null;
  return opened;
}

function serves({ suite, key, nonce, aad }: AeadMessage, length: number): boolean {
  return suite === XCHACHA20_POLY1305 && nonce.length === NONCE_BYTES && fitsSlot(length, aad.length, key);
}

/** Lays out a message whose last `tag` bytes are its tag. */
function put(records: Records, memory: Kernel, { key, nonce, aad, data }: AeadMessage, tag: number): boolean {
  const length = data.length - tag;
  if (!records.hasRoom(length, 0)) return false;
  const at = records.end + DATA_AT;
  records.add(length, key);
  records.setAad(aad);
  copyBytes(memory.bytes, at - nonce.length, nonce, 0, nonce.length);
  copyBytes(memory.bytes, at, data, 0, data.length);
  return true;
}
