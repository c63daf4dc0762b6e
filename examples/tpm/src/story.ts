import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createKeyring,
  isFieldsealError,
  keyringFile,
  openKeyring,
  recoveryKey,
  type SecretBytes,
} from '@fieldseal/core';
import { type SwtpmService, startSwtpm } from '@fieldseal/testkit';
import { resealTpmSlot, tpmSlot, tpmSlots } from '@fieldseal/tpm';
import { Application } from './application.ts';

const NOTES = 'Allergic to penicillin.';

/** What the story showed. */
export interface Outcome {
  readonly restarted: boolean;
  /** Milliseconds from a closed keyring to a decrypted value. */
  readonly startMs: number;
  /** Code of the error on another machine. */
  readonly stolen: string;
  readonly recovered: boolean;
}

/** A machine's life in four scenes, on software TPMs: enrolment, restart, theft, recovery. */
export async function story(say: (line: string) => void): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-example-tpm-'));
  const path = join(folder, 'fieldseal.keyring.json');
  const machines: SwtpmService[] = [];
  const boot = async (state?: string): Promise<{ service: SwtpmService; device: string }> => {
    const service = await startSwtpm({ server: 'unix', ...(state === undefined ? {} : { state }) });
    machines.push(service);
    return { service, device: `swtpm:path=${service.path}` };
  };
  try {
    const machine = await boot();
    const { cell, recovery } = await enrol(path, machine.device);
    say(`enrolled     the keyring opens by the TPM; the column holds ${cell.slice(0, 40)}…`);

    await machine.service.stop(true);
    const again = await boot(machine.service.state);
    const started = performance.now();
    const restarted = (await readOn(path, again.device, cell)) === NOTES;
    const startMs = performance.now() - started;
    say(`restarted    no key in the environment, and "${NOTES}" is read after ${startMs.toFixed(0)} ms`);

    const thief = await boot();
    const stolen = await readOn(path, thief.device, cell).catch((error: unknown) =>
      isFieldsealError(error) ? error.code : 'another error',
    );
    say(`stolen       on another machine the same file gives ${stolen}`);

    await moveTo(path, thief.device, recovery);
    const recovered = (await readOn(path, thief.device, cell)) === NOTES;
    say('recovered    the recovery key sealed it to the new machine, and it reads again');
    return { restarted, startMs, stolen, recovered };
  } finally {
    for (const machine of machines) await machine.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function enrol(path: string, device: string): Promise<{ cell: string; recovery: SecretBytes }> {
  const { keyring, recovery } = await createKeyring({ storage: keyringFile(path), openers: [tpmSlot({ device })] });
  keyring.close();
  const application = await Application.start(path, device);
  const cell = await application.seal(NOTES).finally(() => application.stop());
  return { cell, recovery };
}

async function readOn(path: string, device: string, cell: string): Promise<string> {
  const application = await Application.start(path, device);
  return application.open(cell).finally(() => application.stop());
}

/** What `fieldseal tpm reseal` does. */
async function moveTo(path: string, device: string, key: SecretBytes): Promise<void> {
  const storage = keyringFile(path);
  const proof = recoveryKey(key);
  const keyring = await openKeyring({ storage, openers: [proof] });
  const [old] = await tpmSlots(storage);
  await resealTpmSlot(keyring, old?.id ?? '', tpmSlot({ device, ...old?.policy }), proof).finally(() =>
    keyring.close(),
  );
}
