import { writeFile } from 'node:fs/promises';
import { formatSignatures, type PolicySignature, parseSignatures, readPcrs, signPcrValues } from '@fieldseal/tpm';
import { usage } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { DEVICE_OPTIONS, deviceOf, pcrList, readText } from './request.ts';

/** `fieldseal tpm sign-policy` */
export const tpmSignPolicy: Command = {
  name: 'tpm sign-policy',
  summary: 'approve PCR values for slots that were enrolled with --signer',
  details: [
    'Signs the values that the PCRs of this TPM have, or those of --values (a JSON object of numbers and hexadecimal values, as another machine\n' +
      'reads them), and adds the signature to a file. The file is public; the key is not, and belongs on the machine that builds images.',
  ],
  positionals: [],
  options: {
    ...DEVICE_OPTIONS,
    key: { value: 'file', help: 'PEM of the private key on P-256' },
    pcrs: { value: 'numbers', help: 'PCRs to sign, such as 7' },
    values: { value: 'file', help: 'values to sign instead of those of this TPM' },
    out: { value: 'file', help: 'file that the signature is added to; made if there is none' },
  },
  audit: 'command',
  run: signPolicy,
};

async function signPolicy(input: CommandInput): Promise<Report> {
  const { key, pcrs, out, values } = input.options;
  if (key === undefined || out === undefined) throw usage(tpmSignPolicy, '--key and --out are needed');
  if ((pcrs === undefined) === (values === undefined))
    throw usage(tpmSignPolicy, 'either --pcrs or --values is needed');
  const measured =
    values === undefined
      ? await readPcrs(deviceOf(input), pcrList(tpmSignPolicy, pcrs ?? ''))
      : parseValues(await readText(values));
  const before = await existing(out);
  const signature = signPcrValues(await readText(key), measured);
  const others = before.filter(
    ({ policy, pcrs: known }) => policy !== signature.policy || known.join() !== signature.pcrs.join(),
  );
  await writeFile(out, formatSignatures([...others, signature])).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(
      'ERR_FILE_IO',
      `${out} cannot be written (${error.code})`,
      'Check the path and the permissions of the file.',
      error,
    );
  });
  return {
    lines: table([
      ['signatures', out],
      ['pcrs', signature.pcrs.join(', ')],
      ['policy', signature.policy],
      ['in the file', String(others.length + 1)],
    ]),
    json: { signatures: out, pcrs: signature.pcrs, policy: signature.policy, count: others.length + 1 },
  };
}

async function existing(path: string): Promise<readonly PolicySignature[]> {
  try {
    return parseSignatures(await readText(path));
  } catch (error) {
    const cause = error instanceof CliError ? (error.cause as NodeJS.ErrnoException) : undefined;
    if (cause?.code === 'ENOENT') return [];
    throw error;
  }
}

function parseValues(text: string): Map<number, Buffer> {
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>).map(([pcr, value]) => {
      if (typeof value !== 'string' || !/^[0-9a-f]{64}$/i.test(value)) throw new TypeError(pcr);
      return [Number(pcr), Buffer.from(value, 'hex')] as const;
    });
    return new Map(entries.sort(([a], [b]) => a - b));
  } catch {
    throw usage(tpmSignPolicy, 'the file of --values is a JSON object such as { "7": "<64 hexadecimal digits>" }');
  }
}
