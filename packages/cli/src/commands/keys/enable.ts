import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { SCOPE_OPTION, STORE_OPTIONS, scopeName, scopeOf, withKeyring } from './request.ts';

/** `fieldseal keys enable` */
export const keysEnable: Command = {
  name: 'keys enable',
  summary: 'let a disabled key version decrypt again',
  details: ['It takes a request for its destruction back as well.'],
  positionals: ['key id'],
  options: { ...STORE_OPTIONS, ...SCOPE_OPTION },
  audit: 'keyring',
  run: enable,
};

async function enable(input: CommandInput): Promise<Report> {
  const scope = scopeOf(input);
  const [keyId = ''] = input.positionals;
  await withKeyring(keysEnable, input, (keyring) => keyring.enable(keyId, scope));
  return {
    lines: [
      ...table([
        ['scope', scopeName(scope)],
        ['enabled', keyId],
      ]),
      'Instances use it again within about a minute.',
    ],
    json: { scope, enabled: keyId },
  };
}
