import { copyBytes } from '../../bytes.ts';
import type { Cell } from '../../cell.ts';
import { SLACK } from './layout.ts';

/** A part of some memory and where it is copied to. */
interface Run {
  readonly memory: Uint8Array;
  readonly from: number;
  to: number;
  readonly target: number;
}

/** Cells may lie further apart when some between them are left out; a wider gap is not worth copying. */
const WIDEST_GAP = 512;

/** Collects the cells of a batch, so that neighbours in one block of memory, as parsing leaves them, are copied together. */
export class CellRuns {
  #runs: Run[] = [];
  #last: Run | undefined;

  /** Slot of the next cell: at its old distance from the one before, if they are neighbours with enough room between; else `free`. */
  slotFor(cell: Cell, free: number): number {
    const last = this.#last;
    const gap = last?.memory === cell.memory ? cell.start - last.to : -1;
    return last !== undefined && gap >= SLACK && gap <= WIDEST_GAP ? last.target + cell.start - last.from : free;
  }

  /** Adds the cell at the slot that {@link slotFor} gave. */
  add({ memory, start, end }: Cell, slot: number): void {
    const last = this.#last;
    if (last?.memory === memory && slot - last.target === start - last.from && start > last.to) last.to = end;
    else {
      this.#last = { memory, from: start, to: end, target: slot };
      this.#runs.push(this.#last);
    }
  }

  /** Copies all cells to their slots, and forgets them. */
  copyInto(bytes: Uint8Array): void {
    for (const { memory, from, to, target } of this.#runs) copyBytes(bytes, target, memory, from, to);
    this.#runs = [];
    this.#last = undefined;
  }
}
