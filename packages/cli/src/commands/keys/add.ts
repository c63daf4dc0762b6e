import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { SCOPE_OPTION, STORE_OPTIONS, scopeName, scopeOf, withKeyring } from './request.ts';

/** `fieldseal keys add` */
export const keysAdd: Command = {
  name: 'keys add',
  summary: 'add a key version, which decrypts and does not encrypt yet',
  details: [
    'The first half of a rotation. Promote the version when every instance of the application has had time to see it: two minutes.',
  ],
  positionals: [],
  options: { ...STORE_OPTIONS, ...SCOPE_OPTION },
  audit: 'keyring',
  run: add,
};

async function add(input: CommandInput): Promise<Report> {
  const scope = scopeOf(input);
  const keyId = await withKeyring(keysAdd, input, (keyring) => keyring.addKey(scope));
  return {
    lines: [
      ...table([
        ['scope', scopeName(scope)],
        ['added', keyId],
      ]),
      'New data is written under it after `fieldseal keys promote`.',
    ],
    json: { scope, added: keyId },
  };
}
