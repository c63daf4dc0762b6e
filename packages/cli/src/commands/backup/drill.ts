import { writeFile } from 'node:fs/promises';
import { drillEvidence, type VerifyLevel, verifyBackup } from '@fieldseal/backup';
import { usage } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { PROOF_OPTIONS, proofOf } from './proof.ts';
import {
  backupNamed,
  IDENTITY_OPTIONS,
  identitiesOf,
  openersOf,
  PLACE_OPTIONS,
  placeOf,
  signerOf,
  VERIFY_OPTIONS,
  verifiersOf,
} from './request.ts';
import { verdictReport } from './verify.ts';

/** `fieldseal backup drill` */
export const backupDrill: Command = {
  name: 'backup drill',
  summary: 'prove that the newest backup can be restored, and keep signed evidence',
  details: [
    'Opens the newest backup and its keyring as after a disaster, with --rows a sample of live rows, and with --scratch-url-env restores its rows into an\n' +
      'empty database; it measures what would have been lost and how long it took. Run it on another machine\n' +
      'than the one that makes the backups, with the recovery key: that is the key that would be left.',
  ],
  positionals: [],
  options: {
    ...PLACE_OPTIONS,
    ...IDENTITY_OPTIONS,
    ...VERIFY_OPTIONS,
    ...PROOF_OPTIONS,
    evidence: { value: 'file', help: 'where the signed evidence is written; it is not overwritten' },
  },
  audit: 'command',
  run: drill,
};

/** Makes a drill, as the options say. */
export async function drill(input: CommandInput): Promise<Report> {
  const { target } = placeOf(input);
  if (input.options['identity'] === undefined) throw usage(backupDrill, 'a drill needs --identity');
  const backup = {
    target,
    name: await backupNamed(target, 'latest'),
    keys: await verifiersOf(input),
    identities: await identitiesOf(input),
    openers: openersOf(input),
  };
  const level: VerifyLevel = input.options['scratch-url-env'] === undefined ? 2 : 3;
  const verdict = await verifyBackup({ ...backup, level, ...proofOf(backupDrill, input, level, backup) });
  const evidence = drillEvidence(verdict, signerOf(input));
  const path = input.options['evidence'];
  if (path !== undefined)
    await writeFile(path, `${JSON.stringify(evidence, null, 2)}\n`, { flag: 'wx' }).catch((cause: unknown) => {
      throw new CliError('ERR_FILE_IO', `${path} cannot be written`, 'Choose a path where nothing is yet.', cause);
    });
  const report = verdictReport(verdict);
  const age = evidence.recoveryPointSeconds;
  return {
    ...report,
    lines: [
      ...report.lines,
      '',
      `what would have been lost: the changes of ${age === null ? 'an unknown time' : `${age} s`}`,
    ],
    json: evidence,
  };
}
