import { XAES_256_GCM, XCHACHA20_POLY1305 } from '@fieldseal/core';
import type { Codec } from './codec.ts';
import { engineNames, fieldsealCodec, fieldsealIndex } from './fieldseal.ts';
import { nodeCodec, nodeHmac } from './node-crypto.ts';
import { awsEncryptionSdk, cipherSweet, cloak, jose, sodiumNative, sodiumWrappers } from './peers.ts';

/** Our cipher as users get it. Ratios are taken against it. */
export const OURS = 'fieldseal';
/** Our cipher with the AES suite. */
export const OURS_AES = 'fieldseal, XAES-256-GCM';
/** Our blind index. */
export const OURS_INDEX = 'fieldseal, blind index';
/** The AEAD that everybody has. */
export const NODE_GCM = 'node:crypto AES-256-GCM';

/** A candidate of the micro benchmarks. */
export interface Candidate {
  readonly name: string;
  /** Whether it comes from the packages that only the benchmarks install. */
  readonly rival: boolean;
  readonly load: () => Codec | Promise<Codec>;
}

/** All candidates, ours first. */
export const CANDIDATES: readonly Candidate[] = [
  { name: OURS, rival: false, load: () => fieldsealCodec('auto', XCHACHA20_POLY1305) },
  ...engineNames().map((engine) => ({
    name: `fieldseal, engine ${engine}`,
    rival: false,
    load: () => fieldsealCodec(engine, XCHACHA20_POLY1305),
  })),
  { name: OURS_AES, rival: false, load: () => fieldsealCodec('auto', XAES_256_GCM) },
  { name: OURS_INDEX, rival: false, load: fieldsealIndex },
  { name: NODE_GCM, rival: false, load: () => nodeCodec('aes-256-gcm') },
  { name: 'node:crypto ChaCha20-Poly1305', rival: false, load: () => nodeCodec('chacha20-poly1305') },
  { name: 'node:crypto HMAC-SHA256', rival: false, load: nodeHmac },
  { name: '@47ng/cloak', rival: true, load: cloak },
  { name: 'sodium-native', rival: true, load: sodiumNative },
  { name: 'libsodium-wrappers', rival: true, load: sodiumWrappers },
  { name: 'ciphersweet-js', rival: true, load: cipherSweet },
  { name: '@aws-crypto/client-node', rival: true, load: awsEncryptionSdk },
  { name: 'jose', rival: true, load: jose },
];
