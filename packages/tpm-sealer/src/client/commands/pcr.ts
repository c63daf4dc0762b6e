import { type Authorization, emptyPassword } from '../authorization.ts';
import { join, malformed, u16, u32 } from '../bytes.ts';
import { ALG } from '../constants.ts';
import { pcrSelection } from '../pcr-selection.ts';
import { namedByHandle } from '../session.ts';
import type { Tpm } from '../tpm.ts';

/** Values of PCRs by number. */
export type PcrValues = ReadonlyMap<number, Buffer>;

/** What a TPM gives in one reply. */
const AT_ONCE = 8;

/** TPM2_PCR_Read of the SHA-256 bank. A PCR whose bank is not active has no value and is missing in the result. */
export async function pcrRead(tpm: Tpm, pcrs: readonly number[]): Promise<PcrValues> {
  const values = new Map<number, Buffer>();
  for (let start = 0; start < pcrs.length; start += AT_ONCE) {
    const asked = pcrs.slice(start, start + AT_ONCE);
    const { params } = await tpm.run({ command: 'PCR_Read', params: pcrSelection(asked) });
    params.u32(); // how often PCRs were changed
    const given = readSelection(params.take(params.u32() === 1 ? 2 : 0), params.take(params.u8()));
    const digests = Array.from({ length: params.u32() }, () => Buffer.from(params.sized()));
    params.end();
    if (given.some((pcr) => !asked.includes(pcr)) || digests.length > given.length)
      throw malformed('it names other PCRs');
    for (const [at, digest] of digests.entries()) values.set(given[at] as number, digest);
  }
  return values;
}

/** TPM2_PCR_Extend of the SHA-256 bank. */
export async function pcrExtend(
  tpm: Tpm,
  pcr: number,
  digest: Uint8Array,
  auth: Authorization = emptyPassword,
): Promise<void> {
  const params = join(u32(1), u16(ALG.SHA256), digest);
  (await tpm.run({ command: 'PCR_Extend', handles: [namedByHandle(pcr)], auth, params })).params.end();
}

function readSelection(bank: Buffer, bits: Buffer): number[] {
  if (bank.length !== 2 || bank.readUInt16BE() !== ALG.SHA256) throw malformed('it is about another bank of PCRs');
  return [...bits]
    .flatMap((byte, at) => Array.from({ length: 8 }, (_, bit) => ((byte >> bit) & 1 ? at * 8 + bit : -1)))
    .filter((pcr) => pcr >= 0);
}
