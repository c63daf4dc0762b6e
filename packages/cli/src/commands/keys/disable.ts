import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { SCOPE_OPTION, STORE_OPTIONS, scopeName, scopeOf, withKeyring } from './request.ts';

/** `fieldseal keys disable` */
export const keysDisable: Command = {
  name: 'keys disable',
  summary: 'stop a key version from decrypting, reversibly',
  details: [
    'Reads of its cells then fail with ERR_KEY_DISABLED. The primary is refused: promote another version first. `keys enable` takes it back.',
  ],
  positionals: ['key id'],
  options: { ...STORE_OPTIONS, ...SCOPE_OPTION },
  audit: 'keyring',
  run: disable,
};

async function disable(input: CommandInput): Promise<Report> {
  const scope = scopeOf(input);
  const [keyId = ''] = input.positionals;
  await withKeyring(keysDisable, input, (keyring) => keyring.disable(keyId, scope));
  return {
    lines: [
      ...table([
        ['scope', scopeName(scope)],
        ['disabled', keyId],
      ]),
      'Instances stop using it within about a minute. `fieldseal keys enable` takes it back.',
    ],
    json: { scope, disabled: keyId },
  };
}
