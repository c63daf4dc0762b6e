import { type BackupVerdict, type VerifyLevel, verifyBackup } from '@fieldseal/backup';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { PROOF_OPTIONS, proofOf } from './proof.ts';
import {
  backupNamed,
  IDENTITY_OPTIONS,
  identitiesOf,
  openersOf,
  PLACE_OPTIONS,
  placeOf,
  VERIFY_OPTIONS,
  verifiersOf,
} from './request.ts';

/** `fieldseal backup verify` */
export const backupVerify: Command = {
  name: 'backup verify',
  summary: 'verify a backup and list every fault',
  details: [
    'Level 0 checks signature, digest and the chain to the backup before; level 1 opens the archive; level 2 also opens its keyring with FIELDSEAL_KEY,\n' +
      'FIELDSEAL_PASSPHRASE or FIELDSEAL_RECOVERY_KEY, and with --rows a sample of the rows of the database with it; level 3 also restores the rows of the\n' +
      'backup into an empty database. Ends with 0 when there is no fault, with 12 when there is one.',
  ],
  positionals: ['backup, time, or latest'],
  options: {
    ...PLACE_OPTIONS,
    level: { value: 'level', help: 'how much is proved; 1 with --identity, else 0', choices: ['0', '1', '2', '3'] },
    ...IDENTITY_OPTIONS,
    ...VERIFY_OPTIONS,
    ...PROOF_OPTIONS,
  },
  audit: 'none',
  run: verify,
};

async function verify(input: CommandInput): Promise<Report> {
  const { target } = placeOf(input);
  const identities = await identitiesOf(input);
  const level = Number(input.options['level'] ?? (identities.length > 0 ? 1 : 0)) as VerifyLevel;
  if (level > 0 && identities.length === 0) throw usage(backupVerify, `level ${level} needs --identity`);
  const name = await backupNamed(target, input.positionals[0] as string);
  const openers = level >= 2 ? openersOf(input) : [];
  const backup = { target, name, keys: await verifiersOf(input), identities, openers };
  const verdict = await verifyBackup({ ...backup, level, ...proofOf(backupVerify, input, level, backup) });
  return verdictReport(verdict);
}

/** A verdict for people and programs. */
export function verdictReport(verdict: BackupVerdict): Report {
  const { name, level, faults, unchecked, claim, rowsOpened, ms } = verdict;
  const rows = [
    ['backup', name],
    ['level', String(level)],
    ['keyring', claim === null ? 'unknown' : `${claim.keyringId}, generation ${claim.generation}`],
    ...(rowsOpened === null ? [] : [['rows opened', String(rowsOpened)]]),
    ['faults', String(faults.length)],
    ['took', `${Math.round(ms)} ms`],
  ];
  const lines = faults.flatMap((fault) => [
    '',
    `level ${fault.level}: ${fault.message} [${fault.code}]`,
    `  ${fault.next}`,
  ]);
  return {
    lines: [...table(rows), ...lines],
    json: verdict,
    warnings: unchecked.map((text) => `not checked: ${text}`),
    exitCode: faults.length === 0 ? 0 : 12,
  };
}
