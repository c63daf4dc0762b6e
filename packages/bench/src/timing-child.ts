import { randomBytes } from 'node:crypto';
import { type Cell, decodeCell, SecretBytes, XCHACHA20_POLY1305 } from '@fieldseal/core';
import {
  type AeadEngine,
  deriveKeyId,
  encodeCell,
  encodeCellText,
  encodeHeader,
  encodeValue,
  selectEngine,
} from '@fieldseal/core/internal';
import { asciiText } from './micro/texts.ts';
import { worstCroppedT } from './statistics.ts';

/** What one process is to measure. */
export interface TimingTask {
  readonly measurements: number;
}

/** One pair of classes of inputs. */
export interface TimingFinding {
  readonly test: string;
  /** Welch's t, the farthest from zero over the croppings. */
  readonly t: number;
}

/** Cells that are opened in one measurement: a full group of the batch engine. */
const GROUP = 4;
/** Groups of each class, so that no class is better known to the processor's caches. */
const POOL = 128;
const BYTES = 40;

/** A cell with its key, ready to be opened. */
interface Sealed {
  readonly key: Uint8Array;
  readonly cell: Cell;
}

/** Makes a cell of a class; `which` is 0 or 1. */
type MakeCell = (which: number) => Sealed;

/**
 * The test of dudect (Reparaz, Balasch, Verbauwhede 2017): does opening take longer for one class of inputs than for another? The classes
 * come in random order, and differ in nothing but what is tested.
 */
export async function measureTiming({ measurements }: TimingTask): Promise<TimingFinding[]> {
  const engine = selectEngine('auto');
  const key = newKey();
  const randomText = (): Uint8Array => encodeValue('String', asciiText(BYTES), null);
  const text = randomText();
  const tests: [string, MakeCell][] = [
    ['a control: both classes alike', () => seal(engine, key, randomText())],
    ['one plaintext, random plaintexts', (which) => seal(engine, key, which === 0 ? text : randomText())],
    ['one key, random keys', (which) => seal(engine, which === 0 ? key.slice() : newKey(), text)],
    ['forged: first byte of the tag, last byte', (which) => seal(engine, key, text, which === 0 ? -16 : -1)],
    ['forged: first byte of the text, last byte', (which) => seal(engine, key, text, which === 0 ? 0 : -17)],
  ];
  return tests.map(([test, make]) => ({ test, t: compare(engine, make, measurements) }));
}

/** Bytes of their own: buffers that share a pool lie otherwise in memory. */
const newKey = (): Uint8Array => Uint8Array.from(randomBytes(32));

function compare(engine: AeadEngine, make: MakeCell, measurements: number): number {
  // Both classes are made in turns, so that they lie alike in memory.
  const groups: [Sealed[][], Sealed[][]] = [[], []];
  for (let at = 0; at < POOL; at++)
    for (const which of [0, 1]) groups[which]?.push(Array.from({ length: GROUP }, () => make(which)));
  const open = opener(engine);
  const calls = groups.map((of) => of.map(open));
  const choice = randomBytes(measurements);
  const times: [number[], number[]] = [[], []];
  for (let at = -measurements / 10; at < measurements; at++) {
    const random = choice[Math.abs(Math.floor(at)) % measurements] as number;
    const which = (random & 1) as 0 | 1;
    const call = calls[which]?.[(random >> 1) % POOL] as () => unknown;
    const started = performance.now();
    call();
    const ms = performance.now() - started;
    if (at >= 0) times[which].push(ms);
  }
  return worstCroppedT(...times);
}

/** How the engine opens a group: by whole cells if it can, as the field cipher does. */
function opener(engine: AeadEngine): (group: readonly Sealed[]) => () => unknown {
  const { cells } = engine;
  if (cells !== undefined)
    return (group) => {
      const jobs = group.map(({ key, cell }) => ({ key, cell, aad: null, text: true }));
      return () => cells.open(jobs);
    };
  return (group) => {
    const messages = group.map(({ key, cell }) => {
      return { suite: cell.suite, key, nonce: cell.nonce, aad: cell.header, data: cell.sealed };
    });
    return () => engine.decrypt(messages);
  };
}

const HEADER: Uint8Array = encodeHeader(XCHACHA20_POLY1305, deriveKeyId(SecretBytes.take(new Uint8Array(32).fill(1))));

/** @param forge - byte of ciphertext and tag that is changed, from the end when negative */
function seal(engine: AeadEngine, key: Uint8Array, data: Uint8Array, forge?: number): Sealed {
  const nonce = Uint8Array.from(randomBytes(24));
  const [sealed] = engine.encrypt([{ suite: XCHACHA20_POLY1305, key, nonce, aad: HEADER, data }]) as [Uint8Array];
  if (forge !== undefined) sealed[(forge + sealed.length) % sealed.length] = (sealed.at(forge) as number) ^ 1;
  const text = encodeCellText(encodeCell(HEADER, nonce, sealed));
  // As the field cipher gets it: an engine may read texts in its own way.
  return { key, cell: engine.cells?.parse([text])[0] ?? decodeCell(text) };
}
