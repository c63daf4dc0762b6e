/**
 * Internals for the project's own tools and tests: the runner of the format vectors builds every piece of a cell by itself. Not part of the
 * public interface: anything here may change in any release.
 *
 * @module
 */
export type { AeadEngine, AeadMessage } from './aead/engine.ts';
export { selectEngine } from './aead/engines.ts';
export { formatTerm, indexMac } from './blind-index/equality-terms.ts';
export { encodeCell, encodeCellText, encodeHeader } from './cell.ts';
export { cellAad } from './context.ts';
export { ScopeCache, type ScopeEntry } from './dek-cache/scope-cache.ts';
export { FileLock } from './file-lock.ts';
export { deriveFieldKey, deriveIndexKey, deriveKeyId, deriveKindKey } from './kdf.ts';
export { crc32c } from './kek/crc32c.ts';
export { LocalKek } from './kek/local-kek.ts';
export { jsonWithSecret, takeSecret } from './kek/secret-json.ts';
export { dekAad, unwrapKey, wrapKey } from './kek/wrapped-key.ts';
export { KekRing } from './keyring/kek-ring.ts';
export { encodeValue } from './value.ts';
