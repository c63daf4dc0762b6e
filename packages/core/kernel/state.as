/** Where the kernel keeps what the host need not know. Everything from STATE to KEYS is secret, and the host has it wiped. */
import { CELL_STATE, DESCRIPTORS, DESCRIPTOR_BYTES, KEYS, MAX_DATA, NONCES, RECORDS, STATE } from './layout';

/** 64 vectors: message schedule of SHA-256. */
export const SCHEDULE: usize = STATE;
/** Sixteen vectors: chaining value of SHA-256, and the one before. */
export const CHAIN: usize = SCHEDULE + 1024;

/** Sixteen vectors before the ChaCha permutation. */
export const INPUT: usize = CELL_STATE;
/** Sixteen vectors after it. */
export const OUTPUT: usize = INPUT + 256;
/** Four one-time Poly1305 keys of 32 bytes. */
export const ONE_TIME: usize = OUTPUT + 256;
/** The last block of Poly1305: lengths of AAD and data. */
export const LENGTHS: usize = ONE_TIME + 128;
/** A computed tag. */
export const TAG: usize = LENGTHS + 16;
/** 64 bytes that lanes without work write to. */
export const SINK: usize = TAG + 16;
/** 256 bytes of key stream. */
export const STREAM: usize = SINK + 64;

/** Addresses of the descriptors, ordered by length. */
export const ORDER: usize = DESCRIPTORS + RECORDS * DESCRIPTOR_BYTES;
/** Counters of the ordering, one per number of blocks of 64 bytes. */
export const COUNTS: usize = ORDER + RECORDS * 4;

if (CHAIN + 256 > CELL_STATE) ERROR('the state of MACs reaches that of cells');
if (STREAM + 256 > KEYS) ERROR('the working state reaches the keys');
if (COUNTS + ((MAX_DATA >> 6) + 2) * 4 > NONCES) ERROR('the counters reach the nonces');
