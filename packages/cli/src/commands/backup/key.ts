import { formatVerifyKey, signingKey } from '@fieldseal/backup';
import { formatRawKey, generateRawKey } from '@fieldseal/core';
import type { Command, CommandInput, Report } from '../../command.ts';
import { signerOf } from './request.ts';

/** `fieldseal backup key` */
export const backupKey: Command = {
  name: 'backup key',
  summary: 'show the public key of backups, or make a key to sign them with',
  details: [
    'With FIELDSEAL_BACKUP_KEY set, its public key is shown: keep it where backups are verified, away from the machine that makes them.\n' +
      'Otherwise a key is made and shown once.',
  ],
  positionals: [],
  options: {},
  audit: 'command',
  run: async (input) => show(input),
};

function show(input: CommandInput): Report {
  if (input.env['FIELDSEAL_BACKUP_KEY']) {
    const publicKey = formatVerifyKey(signerOf(input).public);
    return { lines: publicKey.trimEnd().split('\n'), json: { publicKey } };
  }
  const secret = generateRawKey();
  const publicKey = formatVerifyKey(signingKey(secret).public);
  const text = formatRawKey(secret);
  secret.wipe();
  return {
    lines: [
      `FIELDSEAL_BACKUP_KEY=${text}`,
      '',
      ...publicKey.trimEnd().split('\n'),
      '',
      'The first line is secret and is not shown again: give it to whatever makes the backups, from a secret manager if there is one.',
      'Keep the two lines of the public key, as fieldseal.pub, where backups are verified.',
    ],
    json: { key: text, publicKey },
  };
}
