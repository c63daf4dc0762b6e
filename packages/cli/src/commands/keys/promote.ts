import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { SCOPE_OPTION, STORE_OPTIONS, scopeName, scopeOf, withKeyring } from './request.ts';

/** `fieldseal keys promote` */
export const keysPromote: Command = {
  name: 'keys promote',
  summary: 'make a key version the primary, which encrypts',
  details: ['The second half of a rotation. Older versions go on decrypting.'],
  positionals: ['key id'],
  options: { ...STORE_OPTIONS, ...SCOPE_OPTION },
  run: promote,
};

async function promote(input: CommandInput): Promise<Report> {
  const scope = scopeOf(input);
  const [keyId = ''] = input.positionals;
  await withKeyring(keysPromote, input, (keyring) => keyring.promote(keyId, scope));
  return {
    lines: [
      ...table([
        ['scope', scopeName(scope)],
        ['promoted', keyId],
      ]),
      'Instances write under it within about a minute.',
    ],
    json: { scope, promoted: keyId },
  };
}
