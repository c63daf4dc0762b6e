import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { SCOPE_OPTION, STORE_OPTIONS, scopeName, scopeOf, withKeyring } from './request.ts';

/** `fieldseal keys cancel` */
export const keysCancel: Command = {
  name: 'keys cancel',
  summary: 'take back that a key is to be destroyed, or that a scope is shredded',
  details: [
    'With --key the destruction of that version, which stays disabled. Without it the shredding of the scope: what was enabled before is enabled\n' +
      'again. What was destroyed cannot be brought back.',
  ],
  positionals: [],
  options: {
    ...STORE_OPTIONS,
    ...SCOPE_OPTION,
    key: { value: 'key id', help: 'the key version; without it the shredding of the scope is taken back' },
  },
  audit: 'keyring',
  run: cancel,
};

async function cancel(input: CommandInput): Promise<Report> {
  const scope = scopeOf(input);
  const keyId = input.options['key'];
  await withKeyring(keysCancel, input, (keyring) =>
    keyId === undefined ? keyring.cancelShred(scope) : keyring.cancelDestroy(keyId, scope),
  );
  return {
    lines: table([
      ['scope', scopeName(scope)],
      ['cancelled', keyId === undefined ? 'its shredding' : `the destruction of ${keyId}`],
    ]),
    json: { scope, cancelled: keyId ?? 'shred' },
  };
}
