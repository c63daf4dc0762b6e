import { decodeCell, encodeCell, encodeCellText } from '../cell.ts';
import { encodeValue } from '../value.ts';
import type { CellEngine, OpenJob, SealJob } from './cell-engine.ts';
import type { AeadEngine, AeadMessage } from './engine.ts';

/** Makes and opens cells with any engine, each as one message. */
export function messageCells(engine: Pick<AeadEngine, 'encrypt' | 'decrypt'>): CellEngine {
  const open = (jobs: readonly OpenJob[]): (Uint8Array | null)[] =>
    engine.decrypt(
      jobs.map(({ key, cell, aad }): AeadMessage => {
        return { suite: cell.suite, key, nonce: cell.nonce, aad: aad ?? cell.header, data: cell.sealed };
      }),
    );
  return {
    seal: (suite, header, jobs, nonces) => {
      const batch = jobs.map((job): AeadMessage => {
        return { suite, key: job.key, nonce: nonces.take(), aad: job.aad ?? header, data: bytesOf(job) };
      });
      try {
        const sealed = engine.encrypt(batch);
        return batch.map(({ nonce }, at) => {
          const cell = encodeCell(header, nonce, sealed[at] as Uint8Array);
          return jobs[at]?.text === true ? encodeCellText(cell) : cell;
        });
      } finally {
        for (const [at, { plaintext }] of jobs.entries()) if (typeof plaintext === 'string') batch[at]?.data.fill(0);
      }
    },
    parse: (texts) => texts.map(() => null),
    open,
    read: ({ stored, keys, headers, aads, text }) => {
      const cells: OpenJob[] = [];
      try {
        for (const [at, one] of stored.entries()) {
          const cell = decodeCell(one);
          if (Buffer.compare(cell.header, headers[at] as Uint8Array) !== 0) return stored.map(() => null);
          cells.push({ cell, key: keys[at] as Uint8Array, aad: aads[at] ?? null, text: text[at] === true });
        }
      } catch {
        return stored.map(() => null);
      }
      return open(cells);
    },
  };
}

function bytesOf({ plaintext }: SealJob): Uint8Array {
  return typeof plaintext === 'string' ? encodeValue('String', plaintext, null) : plaintext;
}
