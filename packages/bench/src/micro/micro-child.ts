import { BenchError } from '../bench-error.ts';
import { CANDIDATES } from './candidates.ts';
import type { Codec, Stored } from './codec.ts';
import { type Call, cpuTimeOf, type SlicePlan } from './slices.ts';
import { asciiText } from './texts.ts';

/** What one process is to measure. */
export interface MicroTask {
  readonly candidate: string;
  /** Sizes of values, in bytes. */
  readonly sizes: readonly number[];
  /** Batches that are tried, of those that the candidate has. */
  readonly batches: readonly number[];
  readonly plan: SlicePlan;
  /** Wall time for each case of values of 40 bytes before anything is measured, in ms: the compiler needs some hundred to be done with a library. */
  readonly firstWarmMs: number;
}

/** What one process found: CPU time per field. */
export interface MicroSample {
  readonly operation: 'encrypt' | 'decrypt' | 'index';
  readonly size: number;
  readonly batch: number;
  readonly ns: number;
}

/** A batch of more bytes than this is left out: it would measure the memory of the machine. */
const LARGEST_BATCH = 8 << 20;
/** Bytes of prepared input per case, so that processor caches hold what they hold in use. */
const POOL_BYTES = 256 << 10;
/** Size of the values of which index terms are taken. */
const INDEXED_SIZE = 40;

/** Measures one candidate, after it has shown that it reads what it wrote. */
export async function measureCandidate(task: MicroTask): Promise<MicroSample[]> {
  const candidate = CANDIDATES.find(({ name }) => name === task.candidate);
  if (candidate === undefined) throw new BenchError(`there is no candidate ${task.candidate}`);
  const codec = await candidate.load();
  const samples: MicroSample[] = [];
  const batches = codec.batches.filter((batch) => task.batches.includes(batch));
  const warm = { ...task.plan, warmMs: task.firstWarmMs, slices: 1 };
  for (const batch of batches) await measureCase(codec, INDEXED_SIZE, batch, warm);
  for (const size of task.sizes)
    for (const batch of batches) {
      if (size * batch > LARGEST_BATCH) continue;
      samples.push(...(await measureCase(codec, size, batch, task.plan)));
    }
  return samples;
}

async function measureCase(codec: Codec, size: number, batch: number, plan: SlicePlan): Promise<MicroSample[]> {
  const pool = Math.min(64, Math.max(1, Math.floor(POOL_BYTES / (size * batch))));
  const texts = Array.from({ length: pool }, () => Array.from({ length: batch }, () => asciiText(size)));
  const { cipher, index } = codec;
  const calls: [MicroSample['operation'], Call][] = [];
  if (cipher !== undefined) {
    const stored = await storedBy(cipher, texts);
    calls.push(['encrypt', (round) => cipher.encrypt(texts[round % pool] as string[])]);
    calls.push(['decrypt', (round) => cipher.decrypt(stored[round % pool] as Stored)]);
  }
  if (index !== undefined && size === INDEXED_SIZE)
    calls.push(['index', (round) => index(texts[round % pool] as string[])]);
  const samples: MicroSample[] = [];
  for (const [operation, call] of calls) {
    const { ns } = await cpuTimeOf(call, plan);
    samples.push({ operation, size, batch, ns: ns / batch });
  }
  return samples;
}

/** What a candidate stores for these texts. Throws BenchError when it does not give them back. */
async function storedBy(cipher: NonNullable<Codec['cipher']>, texts: readonly string[][]): Promise<Stored[]> {
  const stored: Stored[] = [];
  for (const group of texts) {
    const cells = await cipher.encrypt(group);
    const back = await cipher.decrypt(cells);
    if (back.length !== group.length || back.some((text, at) => text !== group[at]))
      throw new BenchError('a candidate does not read what it wrote');
    stored.push(cells);
  }
  return stored;
}
