/**
 * Memory of the kernel, in bytes. The kernel is compiled with these numbers (kernel/build.mjs reads them from here), so each stands on a
 * line of its own. Everything secret lies between {@link STATE} and {@link SECRETS_END} or in the slots, and is wiped after every batch.
 *
 * @module
 */

/** 64-KiB pages, the first and the last that the memory ever has: growing it would detach every view. */
export const PAGES = 16;

/** The only bytes that are there from the start: the round constants of SHA-256. Never written. */
export const CONSTANTS = 256;

/** Working state of the kernel, up to {@link KEYS}; what lies in it is the kernel's business (kernel/state.as). */
export const STATE = 1024;
/** The part of it that cells need; MACs need the part before. */
export const CELL_STATE = 3072;
/** 32-byte keys. */
export const KEYS = 4096;
/** 64 bytes per MAC key: SHA-256 after its inner and after its outer block. */
export const MAC_STATES = 8192;
/** End of what is secret apart from the slots. */
export const SECRETS_END = 16384;

/**
 * Descriptors of {@link DESCRIPTOR_BYTES}: slot, length, key, AAD, length of the AAD, verdict, text, length of the text. Behind them, up to
 * {@link NONCES}, the kernel sorts.
 */
export const DESCRIPTORS = 16384;
/** Nonces for the cells of a batch. */
export const NONCES = 21504;
/** Header of the cells of a batch. */
export const HEADER = 24576;
/** Additional authenticated data. */
export const AADS = 24640;
/** Cells, each with {@link SLACK} bytes behind it. */
export const SLOTS = 65536;
/** Texts of cells. */
export const TEXTS = 524288;
/** End of the memory. */
export const END = 1048576;

/** Records of a batch. */
export const RECORDS = 128;
/** Bytes of a descriptor. */
export const DESCRIPTOR_BYTES = 32;
/** Bytes that the kernel may overwrite behind a cell: it XORs blocks of 64 bytes, of which the tag takes 16. */
export const SLACK = 48;
/** Longest data of a record. Beyond it OpenSSL is faster (docs/engine.md); the kernel has a counter for each number of blocks. */
export const MAX_DATA = 6000;
/** Longest AAD of a record: so many fit for every record of a batch. */
export const MAX_AAD = 256;

/** Verdict: the cell does not open, or its text is not canonical. */
export const FAILED = 1;
/** Verdict: a byte behind the first one is not ASCII. */
export const NOT_ASCII = 2;
