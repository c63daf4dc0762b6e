import type { SealedEntry } from '@fieldseal/monitor/audit';
import { usage } from '../../arguments.ts';
import type { Command } from '../../command.ts';
import { table } from '../../table.ts';
import { AUDIT_OPTIONS, fileErrors, storedAudit } from './stored-audit.ts';

/** `fieldseal audit tail` */
export const auditTail: Command = {
  name: 'audit tail',
  summary: 'show the last entries of an audit log',
  details: [
    'Shows the last entries. Actors and rows are keyed hashes: the same one is always the same. Lines that are no entries are counted, and nothing\n' +
      'is verified beyond that: see `fieldseal audit verify`.',
  ],
  positionals: [],
  options: { ...AUDIT_OPTIONS, lines: { value: 'number', help: 'number of entries; 20 by default' } },
  audit: 'none',
  run: async ({ options, env }) => {
    const wanted = Number(options['lines'] ?? 20);
    if (!Number.isInteger(wanted) || wanted < 1) throw usage(auditTail, '--lines is a number from 1');
    const { path, log } = await storedAudit(options, env);
    const { readEntry } = await import('@fieldseal/monitor/audit');
    const last: SealedEntry[] = [];
    let damaged = 0;
    const read = async (): Promise<void> => {
      for await (const line of log.lines) {
        const sealed = readEntry(line);
        if (sealed === null) damaged += 1;
        else if (last.push(sealed) > wanted) last.shift();
      }
    };
    await fileErrors(path, read());
    const entries = last.map(({ entry }) => entry);
    return {
      lines: table([
        ['no.', 'time', 'actor', 'action', 'object', 'key', 'outcome', 'times'],
        ...entries.map(({ seq, time, actor, action, object, key, outcome, code, count }) => [
          String(seq),
          `${time.slice(0, 19).replace('T', ' ')}`,
          actor?.slice(0, 8) ?? '-',
          action,
          object.replace(/(#[0-9a-f]{8})[0-9a-f]{24}$/, '$1'),
          key ?? '-',
          code === null ? outcome : `${outcome} ${code}`,
          String(count),
        ]),
      ]),
      json: { path, entries, damaged },
      warnings: damaged === 0 ? [] : [`${damaged} lines are no entries: run \`fieldseal audit verify\``],
    };
  },
};
