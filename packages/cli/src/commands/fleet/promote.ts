import { Fleet } from '@fieldseal/core/jobs';
import type { Command, CommandInput, Report } from '../../command.ts';
import { durationOf } from '../../jobs/job-options.ts';
import { JobProject, PROJECT_OPTIONS } from '../../jobs/job-project.ts';
import { BACKUP_GATE_OPTIONS, requireBackup } from '../keys/backup-gate.ts';
import { SCOPE_OPTION, scopeOf } from '../keys/request.ts';

/** The option that says how long a gate waits. */
export const GATE_OPTIONS: Command['options'] = {
  wait: { value: 'time', help: 'wait for so long for instances that are behind: 30s, 5m' },
};

/** `fieldseal fleet promote` */
export const fleetPromote: Command = {
  name: 'fleet promote',
  summary: 'make a key version the primary once every live instance has it',
  details: [
    'Fails and changes nothing when an instance has not read the keyring in time, or no instance is known; and, with --require-backup or\n' +
      'FIELDSEAL_REQUIRE_BACKUP in the environment, when the newest backup in that folder does not hold the key.',
  ],
  positionals: ['key id'],
  options: { ...PROJECT_OPTIONS, ...SCOPE_OPTION, ...GATE_OPTIONS, ...BACKUP_GATE_OPTIONS },
  audit: 'keyring',
  run: promote,
};

function promote(input: CommandInput): Promise<Report> {
  const [keyId = ''] = input.positionals;
  const scope = scopeOf(input);
  const waitMs = durationOf(input.options, 'wait') ?? 0;
  return JobProject.use(input, async (project) => {
    const keyring = await project.keyring();
    await requireBackup(input, keyring, keyId);
    await new Fleet(project.database).promote(keyring, keyId, { scope, waitMs });
    return { lines: [`The primary is ${keyId}.`], json: { scope, promoted: keyId } };
  });
}
