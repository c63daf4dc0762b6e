/** Exchanges with a TPM that were recorded once, so that the client runs without any TPM and still byte for byte. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Tpm, TpmDevice, type Transport } from '../src/client.ts';
import { repeatableEntropy, startTpm } from './harness.ts';
import { interposed } from './raw-commands.ts';

/** Something to do with a TPM. */
export interface Scenario {
  readonly name: string;
  /** Brings the TPM into the state that the scenario needs; is not recorded. What it returns is stored and given to `run`. */
  prepare?(tpm: Tpm): Promise<unknown>;
  /** What it resolves to has to be JSON, and the same in every run. */
  run(device: TpmDevice, input: unknown): Promise<unknown>;
}

interface Transcript {
  readonly input: unknown;
  /** Commands and replies in turn, in hexadecimal. */
  readonly exchanges: readonly (readonly [string, string])[];
  readonly result: unknown;
}

const pathOf = (name: string) => fileURLToPath(new URL(`transcripts/${name}.json`, import.meta.url));

/** Runs a scenario on swtpm and stores what was said. */
export async function record({ name, prepare, run }: Scenario): Promise<void> {
  const tpm = await startTpm();
  const input = (await tpm.device.operation(async (session) => prepare?.(session))) ?? null;
  const exchanges: [string, string][] = [];
  const device = new TpmDevice(
    interposed(tpm.transport, async (command, pass) => {
      const reply = await pass(command);
      exchanges.push([command.toString('hex'), reply.toString('hex')]);
      return reply;
    }),
    { entropy: repeatableEntropy(name) },
  );
  const transcript: Transcript = { input, result: await run(device, input), exchanges };
  writeFileSync(pathOf(name), `${JSON.stringify(transcript, null, 2)}\n`);
}

/** Runs a scenario against what was recorded. Throws at the first command that is another one. */
export async function replay({ name, run }: Scenario): Promise<{ result: unknown; expected: unknown; left: number }> {
  if (!existsSync(pathOf(name)))
    throw new Error(`${name} was not recorded: RECORD=1 npx vitest run packages/tpm-sealer/test/replay.test.ts`);
  const { input, exchanges, result: expected } = JSON.parse(readFileSync(pathOf(name), 'utf8')) as Transcript;
  const left = [...exchanges];
  const transport: Transport = {
    label: 'swtpm',
    transmit: async (command) => {
      const [sent, reply] = left.shift() ?? ['nothing', ''];
      const hex = Buffer.from(command).toString('hex');
      if (hex !== sent)
        throw new Error(`exchange ${exchanges.length - left.length} of ${name} sends ${hex}, recorded was ${sent}`);
      return Buffer.from(reply, 'hex');
    },
    close: async () => {},
  };
  const device = new TpmDevice(transport, { entropy: repeatableEntropy(name) });
  return { result: await run(device, input), expected, left: left.length };
}
