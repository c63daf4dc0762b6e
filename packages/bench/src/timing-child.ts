import { randomBytes, randomFillSync } from 'node:crypto';
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
import { croppedDifferences, oneSampleT } from './statistics.ts';

/** What one process is to measure. */
export interface TimingTask {
  /** Sets of inputs for each pair of classes. */
  readonly pools: number;
  /** Measurements of each set. */
  readonly measurements: number;
}

/** One pair of classes of inputs. */
export interface TimingFinding {
  readonly test: string;
  /** t of the differences between the classes over the sets of inputs, the farthest from zero over the croppings. */
  readonly t: number;
}

/** Cells that are opened in one measurement: a full group of the batch engine. */
const GROUP = 4;
/** Groups of each class, so that no class is better known to the processor's caches. */
const POOL = 64;
const BYTES = 40;

/** A cell with its key, ready to be opened. */
interface Sealed {
  readonly key: Uint8Array;
  readonly cell: Cell;
}

/** Makes the call that is measured, for a class; `which` is 0 or 1. */
type MakeCall = (which: number) => () => unknown;

/**
 * Does opening take longer for one class of inputs than for another? By the method of dudect (Reparaz, Balasch, Verbauwhede 2017): the
 * classes come in random order, and differ in nothing but what is tested. Where inputs happen to lie in memory makes a class faster in one
 * set of inputs and slower in the next, and a test over one set finds that; so each set gives one difference, and t is taken over the sets.
 * The last pair has a leak on purpose, which shows what the test can see.
 */
export async function measureTiming({ pools, measurements }: TimingTask): Promise<TimingFinding[]> {
  const engine = selectEngine('auto');
  const key = newKey();
  const randomText = (): Uint8Array => encodeValue('String', asciiText(BYTES), null);
  const text = randomText();
  const open = opener(engine);
  const group = (make: () => Sealed): (() => unknown) => open(Array.from({ length: GROUP }, make));
  const tests: [string, MakeCall][] = [
    ['a control: both classes alike', () => group(() => seal(engine, key, randomText()))],
    ['one plaintext, random plaintexts', (which) => group(() => seal(engine, key, which === 0 ? text : randomText()))],
    ['one key, random keys', (which) => group(() => seal(engine, which === 0 ? key.slice() : newKey(), text))],
    [
      'forged: first byte of the tag, last byte',
      (which) => group(() => seal(engine, key, text, which === 0 ? -16 : -1)),
    ],
    [
      'forged: first byte of the text, last byte',
      (which) => group(() => seal(engine, key, text, which === 0 ? 0 : -17)),
    ],
    [
      'a leak on purpose: 16 bytes compared one by one',
      (which) => {
        const call = group(() => seal(engine, key, text));
        const other = new Uint8Array(16);
        other[which === 0 ? 0 : 15] = 1;
        return () => [call(), firstDifference(new Uint8Array(16), other)];
      },
    ],
  ];
  return tests.map(([test, make]) => ({ test, t: compare(make, pools, measurements) }));
}

/** Bytes of their own: buffers that share a pool lie otherwise in memory. */
const newKey = (): Uint8Array => Uint8Array.from(randomBytes(32));

/** What a careless comparison of tags does. */
function firstDifference(one: Uint8Array, other: Uint8Array): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}

function compare(make: MakeCall, pools: number, measurements: number): number {
  const differences = Array.from({ length: pools }, () => croppedDifferences(...timesOf(make, measurements)));
  const ofCrop = (differences[0] as readonly number[]).map((_, at) => differences.map((pool) => pool[at] as number));
  return ofCrop.map(oneSampleT).reduce((worst, t) => (Math.abs(t) > Math.abs(worst) ? t : worst), 0);
}

/** Times of both classes in ms, over one set of inputs. */
function timesOf(make: MakeCall, measurements: number): [number[], number[]] {
  // Both classes are made in turns, so that they lie alike in memory.
  const calls: [(() => unknown)[], (() => unknown)[]] = [[], []];
  for (let at = 0; at < POOL; at++) for (const which of [0, 1] as const) calls[which].push(make(which));
  const choice = new Uint16Array(measurements);
  randomFillSync(choice);
  const times: [number[], number[]] = [[], []];
  for (let at = -measurements / 10; at < measurements; at++) {
    const random = choice[Math.abs(Math.floor(at)) % measurements] as number;
    const which = (random & 1) as 0 | 1;
    const call = calls[which][(random >> 1) % POOL] as () => unknown;
    const started = performance.now();
    call();
    const ms = performance.now() - started;
    if (at >= 0) times[which].push(ms);
  }
  return times;
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
