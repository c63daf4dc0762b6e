import { join, malformed, u16, u32 } from '../bytes.ts';
import type { Tpm } from '../tpm.ts';

const CAP_TPM_PROPERTIES = 6;

/** Properties that a TPM tells about itself (TPM_PT). */
export const PROPERTY = {
  MANUFACTURER: 0x105,
  VENDOR_1: 0x106,
  FIRMWARE_1: 0x10b,
  FIRMWARE_2: 0x10c,
  PERMANENT: 0x200,
  LOCKOUT_COUNTER: 0x20e,
  MAX_AUTH_FAIL: 0x20f,
  LOCKOUT_INTERVAL: 0x210,
  LOCKOUT_RECOVERY: 0x211,
} as const;

/** Bits of PROPERTY.PERMANENT. */
export const PERMANENT = { OWNER_AUTH_SET: 0x1, IN_LOCKOUT: 0x200 } as const;

/** TPM2_GetCapability of properties from `first` on, at most `count`. The reply is not authenticated. */
export async function properties(tpm: Tpm, first: number, count: number): Promise<ReadonlyMap<number, number>> {
  const { params } = await tpm.run({
    command: 'GetCapability',
    params: join(u32(CAP_TPM_PROPERTIES), u32(first), u32(count)),
  });
  params.u8(); // whether there are more
  if (params.u32() !== CAP_TPM_PROPERTIES) throw malformed('it tells another capability');
  const length = params.u32();
  if (length > count) throw malformed('it tells more than was asked for');
  const found = new Map(Array.from({ length }, () => [params.u32(), params.u32()] as const));
  params.end();
  return found;
}

/** TPM2_GetRandom: at most 32 bytes. */
export async function getRandom(tpm: Tpm, length: number): Promise<Buffer> {
  const { params } = await tpm.run({ command: 'GetRandom', params: u16(length) });
  const bytes = Buffer.from(params.sized());
  params.end();
  return bytes;
}
