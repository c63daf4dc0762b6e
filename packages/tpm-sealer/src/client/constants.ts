/**
 * Numbers of the TPM 2.0 specification (parts 2 and 3) that this client uses.
 *
 * @module
 */

/** Command codes. */
export const COMMANDS = {
  NV_UndefineSpace: 0x122,
  EvictControl: 0x120,
  Clear: 0x126,
  HierarchyChangeAuth: 0x129,
  NV_DefineSpace: 0x12a,
  CreatePrimary: 0x131,
  NV_Increment: 0x134,
  DictionaryAttackLockReset: 0x139,
  DictionaryAttackParameters: 0x13a,
  PCR_Extend: 0x182,
  PolicyNV: 0x149,
  NV_Read: 0x14e,
  Create: 0x153,
  Load: 0x157,
  Unseal: 0x15e,
  FlushContext: 0x165,
  LoadExternal: 0x167,
  NV_ReadPublic: 0x169,
  PolicyAuthorize: 0x16a,
  PolicyAuthValue: 0x16b,
  ReadPublic: 0x173,
  StartAuthSession: 0x176,
  VerifySignature: 0x177,
  GetCapability: 0x17a,
  GetRandom: 0x17b,
  PCR_Read: 0x17e,
  PolicyPCR: 0x17f,
  PolicyGetDigest: 0x189,
} as const;

/** Name of a command, as the specification spells it behind `TPM2_`. */
export type CommandName = keyof typeof COMMANDS;

/** Algorithms and curves. */
export const ALG = {
  RSA: 0x0001,
  AES: 0x0006,
  KEYEDHASH: 0x0008,
  SHA256: 0x000b,
  NULL: 0x0010,
  ECDSA: 0x0018,
  ECC: 0x0023,
  CFB: 0x0043,
  P256: 0x0003,
} as const;

/** Handles that every TPM has. */
export const HANDLE = {
  OWNER: 0x40000001,
  NULL: 0x40000007,
  PASSWORD: 0x40000009,
  LOCKOUT: 0x4000000a,
} as const;

/** Where systems keep a storage root key persistent. */
export const SRK_HANDLE = 0x81000001;

/** Bits of an object's attributes. */
export const OBJECT = {
  FIXED_TPM: 0x2,
  FIXED_PARENT: 0x10,
  SENSITIVE_DATA_ORIGIN: 0x20,
  USER_WITH_AUTH: 0x40,
  NO_DA: 0x400,
  RESTRICTED: 0x10000,
  DECRYPT: 0x20000,
  SIGN: 0x40000,
} as const;

/** Bits of a session. */
export const SESSION = { CONTINUE: 0x01, DECRYPT: 0x20, ENCRYPT: 0x40 } as const;

/** PCRs that a TPM for PC clients has in a bank. */
export const PCR_COUNT = 24;

/** Most bytes that a TPM seals. */
export const MAX_SEALED = 128;
