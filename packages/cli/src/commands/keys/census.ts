import { rotationReason } from '@fieldseal/core';
import { CENSUS_OPTIONS, cellsOf, takeCensus } from '../../census/census.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { keysetOf, SCOPE_OPTION, STORE_OPTIONS, scopeName, scopeOf, withKeyring } from './request.ts';

/** `fieldseal keys census` */
export const keysCensus: Command = {
  name: 'keys census',
  summary: 'count the cells under each key of a scope',
  details: [
    'Counts in every encrypted column of the schema, by the driver adapter that the project has installed, in transactions that cannot write.\n' +
      'Every table is read whole. Backups, and columns that the schema does not name, are not counted.',
  ],
  positionals: [],
  options: { ...STORE_OPTIONS, ...SCOPE_OPTION, ...CENSUS_OPTIONS },
  audit: 'none',
  run: census,
};

async function census(input: CommandInput): Promise<Report> {
  const scope = scopeOf(input);
  const record = await withKeyring(keysCensus, input, (keyring) => keysetOf(keyring, scope));
  const { counted, entries, fields } = await takeCensus(input, record);
  const keys = record.data.versions.map((version) => {
    const own = entries.filter(({ keyId }) => keyId === version.keyId);
    const cells = cellsOf({ counted, entries: own });
    const primary = version.keyId === record.data.primary;
    const worn = primary && rotationReason(version, { messages: cells, afterDays: Number.POSITIVE_INFINITY }) !== null;
    return {
      keyId: version.keyId,
      version: version.version,
      status: version.status,
      primary,
      cells,
      rotationSuggested: worn,
      fields: own.map(({ field, cells: count }) => ({ field, cells: count })),
    };
  });
  const lines = [
    ...table([
      ['scope', scopeName(scope)],
      ['columns', String(fields)],
    ]),
    '',
    ...table([
      ['key id', 'version', 'status', '', 'cells', 'field'],
      ...keys.flatMap((key) => {
        const head = [key.keyId, String(key.version), key.status, key.primary ? 'primary' : ''];
        if (key.fields.length === 0) return [[...head, '0', '']];
        return key.fields.map(({ field, cells }) => [...head, String(cells), field]);
      }),
    ]),
  ];
  return { lines, json: { scope, counted, columns: fields, keys } };
}
