import { PROPERTY, properties } from '../client/commands/capability.ts';
import type { Tpm } from '../client/tpm.ts';

/** Who made a TPM. */
export interface TpmIdentity {
  /** Maker and model, as the TPM tells them: `IBM SW TPM`, `STM ST33HTPHAHD4`. */
  readonly vendor: string;
  readonly firmware: string;
  /** Whether it is a program. Its keys are as safe as the files of that program. */
  readonly software: boolean;
}

/** Reads it. The reply is not authenticated: it is for people, and no decision hangs on it. */
export async function readIdentity(tpm: Tpm): Promise<TpmIdentity> {
  const found = await properties(tpm, PROPERTY.MANUFACTURER, 8);
  const at = (property: number): number => found.get(property) ?? 0;
  const maker = textOf([at(PROPERTY.MANUFACTURER)]);
  const model = textOf([0, 1, 2, 3].map((word) => at(PROPERTY.VENDOR_1 + word)));
  const version = [at(PROPERTY.FIRMWARE_1), at(PROPERTY.FIRMWARE_2)];
  return {
    vendor: `${maker} ${model}`.trim().replace(/\s+/g, ' '),
    firmware: version.flatMap((word) => [word >>> 16, word & 0xffff]).join('.'),
    software: /^SW\b/.test(model) || maker === 'IBM',
  };
}

/** Four characters a number; only printable ones. */
function textOf(words: readonly number[]): string {
  const bytes = words.flatMap((word) => [word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff]);
  return String.fromCharCode(...bytes.filter((byte) => byte >= 0x20 && byte < 0x7f)).trim();
}
