import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { formatShareSet, type Holder, issueShares } from '@fieldseal/backup';
import { openKeyring } from '@fieldseal/core';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { fileText, KEYRING_OPTIONS, keyringOf, signerOf } from '../backup/request.ts';
import { changeOpeners, recoveryOpener } from '../tpm/request.ts';
import { storeSet, writeNew } from './request.ts';

/** `fieldseal shares split` */
export const sharesSplit: Command = {
  name: 'shares split',
  summary: 'let people open the keyring and its backups together',
  details: [
    'Makes a new secret that opens the keyring and archives, and shares of it, of which --threshold are needed. Each share is a page to print, encrypted\n' +
      'for its holder alone; the secret itself is kept nowhere. FIELDSEAL_KEY or the like opens the keyring, FIELDSEAL_RECOVERY_KEY proves that it can be recovered.\n' +
      'FIELDSEAL_BACKUP_KEY signs the set, so that nobody can put another recipient into it.',
    'The set is not active before every holder has proved the share: `shares verify`, then `shares activate`.',
  ],
  positionals: [],
  options: {
    threshold: { value: 'number', help: 'how many shares are needed, 2 or more' },
    holders: { value: 'file', help: 'one holder a line: the age recipient, then the name; # begins a comment' },
    out: { value: 'folder', help: 'where the files are written; ./fieldseal-shares by default' },
    ...KEYRING_OPTIONS,
  },
  audit: 'command',
  run: split,
};

async function split(input: CommandInput): Promise<Report> {
  const { options, env } = input;
  const threshold = Number(options['threshold']);
  if (options['holders'] === undefined || !Number.isInteger(threshold))
    throw usage(sharesSplit, '--threshold and --holders are needed');
  const holders = holdersIn(await fileText(options['holders']));
  const [proof, openers, signer] = [recoveryOpener(env), changeOpeners(env), signerOf(input)];
  const { path, storage } = keyringOf(input);
  const folder = options['out'] ?? 'fieldseal-shares';
  const keyring = await openKeyring({ storage, openers });
  try {
    const { set, sealed, opener } = await issueShares(threshold, holders);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `shares-${set.setId}.json`);
    // Everything is kept before the keyring depends on it; a set without a slot cannot be activated.
    for (const { name, content } of sealed) await writeNew(join(folder, name), content);
    await writeNew(file, formatShareSet(set));
    const slot = await keyring.addSlot(opener, proof);
    await storeSet(file, { ...set, slot }, signer);
    return {
      lines: [
        ...table([
          ['set', set.setId],
          ['needed', `${threshold} of ${set.count}`],
          ['keyring', `${path}, slot ${slot}`],
          ['files', folder],
          ['recipient', set.recipient],
        ]),
        '',
        'Give each holder the file of that number, and the set to all. Then activate the set by their proofs.',
        'Make backups for the recipient too, by --recipient or in the recipients file: then the shares alone open them.',
      ],
      json: { ...set, slot, folder, files: sealed.map(({ name }) => name) },
    };
  } finally {
    keyring.close();
  }
}

function holdersIn(text: string): readonly Holder[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [recipient = '', ...name] = line.split(/\s+/);
      return { recipient, name: name.join(' ') };
    });
}
