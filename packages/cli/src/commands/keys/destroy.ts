import type { Keyring, KeyVersion } from '@fieldseal/core';
import { FieldsealError } from '@fieldseal/core';
import { CENSUS_OPTIONS, cellsOf, takeCensus } from '../../census/census.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import {
  keysetOf,
  SCOPE_OPTION,
  STORE_OPTIONS,
  scopeName,
  scopeOf,
  shortTime,
  WAIT_OPTION,
  waitMsOf,
  withKeyring,
  YES_OPTION,
} from './request.ts';

/** `fieldseal keys destroy` */
export const keysDestroy: Command = {
  name: 'keys destroy',
  summary: 'destroy a disabled key version: first ask, and again after a waiting time',
  details: [
    'The first call asks for the destruction, which `keys cancel` takes back. Once the waiting time has passed, the second call counts the cells\n' +
      'under the key in every encrypted column, and destroys it if there is none left. Nothing can be read under it afterwards; think of backups.',
    'Without --yes nothing is changed: the command says what it would do.',
  ],
  positionals: ['key id'],
  options: { ...STORE_OPTIONS, ...SCOPE_OPTION, ...WAIT_OPTION, ...CENSUS_OPTIONS, ...YES_OPTION },
  audit: 'keyring',
  run: destroy,
};

function destroy(input: CommandInput): Promise<Report> {
  const scope = scopeOf(input);
  const [keyId = ''] = input.positionals;
  return withKeyring(keysDestroy, input, async (keyring) => {
    const { data } = await keysetOf(keyring, scope);
    const version = data.versions.find((one) => one.keyId === keyId);
    if (version === undefined)
      throw new FieldsealError('ERR_KEY_UNKNOWN', 'the scope has no such key version', { keyId });
    return version.destroyAfter === null ? ask(input, keyring, scope, version) : finish(input, keyring, scope, version);
  });
}

async function ask(
  input: CommandInput,
  keyring: Keyring,
  scope: string,
  { keyId, status }: KeyVersion,
): Promise<Report> {
  const waitMs = waitMsOf(keysDestroy, input);
  if (status !== 'disabled')
    throw new FieldsealError('ERR_KEY_STATUS', `the key version is ${status}; only a disabled one can be destroyed`, {
      keyId,
    });
  const done = 'yes' in input.options;
  if (done) await keyring.scheduleDestroy(keyId, waitMs, scope);
  const after = done
    ? (await keysetOf(keyring, scope)).data.versions.find((one) => one.keyId === keyId)?.destroyAfter
    : null;
  return report(done, scope, keyId, 'schedule', { destroyAfter: after ?? null }, [
    done
      ? `It may be destroyed after ${shortTime(after ?? '')}: call this again then. \`fieldseal keys cancel --key ${keyId}\` takes it back.`
      : 'Nothing was changed. With --yes its destruction is asked for.',
  ]);
}

async function finish(input: CommandInput, keyring: Keyring, scope: string, version: KeyVersion): Promise<Report> {
  const { keyId, destroyAfter } = version;
  if (Date.now() < Date.parse(destroyAfter ?? ''))
    throw new FieldsealError('ERR_KEY_STATUS', `the waiting time ends at ${shortTime(destroyAfter ?? '')}`, {
      keyId,
      hint: `\`fieldseal keys cancel --key ${keyId}\` takes it back.`,
    });
  const { data, ...rest } = await keysetOf(keyring, scope);
  const census = await takeCensus(input, { ...rest, data: { ...data, versions: [version] } });
  const rows = cellsOf(census);
  if (rows > 0)
    throw new FieldsealError('ERR_KEY_STATUS', `the database still holds ${rows} cells under this key`, {
      keyId,
      hint: 'Encrypt them again under the primary; `fieldseal keys census` says where they are.',
    });
  const done = 'yes' in input.options;
  if (done) await keyring.destroy(keyId, { rows }, scope);
  return report(done, scope, keyId, 'destroy', { fields: census.fields }, [
    `No cell under it was found in ${census.fields} encrypted columns. Backups were not looked at.`,
    done ? 'The key is gone.' : 'Nothing was changed. With --yes the key is destroyed for good.',
  ]);
}

function report(
  done: boolean,
  scope: string,
  keyId: string,
  action: 'schedule' | 'destroy',
  more: object,
  lines: readonly string[],
): Report {
  return {
    lines: [
      ...table([
        ['scope', scopeName(scope)],
        ['key', keyId],
      ]),
      ...lines,
    ],
    json: { scope, keyId, action, done, ...more },
  };
}
