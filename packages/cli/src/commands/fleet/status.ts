import { Fleet } from '@fieldseal/core/jobs';
import type { Command, CommandInput, Report } from '../../command.ts';
import { JobProject, PROJECT_OPTIONS } from '../../jobs/job-project.ts';
import { table } from '../../table.ts';

/** `fieldseal fleet` */
export const fleetStatus: Command = {
  name: 'fleet',
  summary: 'instances of the application, and the generation of the keyring that each has read',
  details: [
    'Instances are those that run a Heartbeat of @fieldseal/core/jobs. One that is silent for half a minute is not counted as live.',
  ],
  positionals: [],
  options: PROJECT_OPTIONS,
  audit: 'none',
  run: status,
};

function status(input: CommandInput): Promise<Report> {
  return JobProject.use(input, async (project) => {
    const { id, generation } = await project.keyring();
    const instances = await new Fleet(project.database).instances(id);
    const rows = instances.map((one) => [
      one.id,
      one.live ? 'live' : 'gone',
      String(one.generation),
      one.generation < generation ? 'behind' : 'current',
      `${Math.round(one.silentMs / 1000)} s`,
    ]);
    const lines =
      rows.length === 0
        ? ['no instance']
        : table([['instance', 'state', 'generation', 'keyring', 'silent for'], ...rows]);
    return {
      lines: [`The keyring is at generation ${generation}.`, ...lines],
      json: { keyring: id, generation, instances },
    };
  });
}
