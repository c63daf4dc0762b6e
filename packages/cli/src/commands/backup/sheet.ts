import { writeFile } from 'node:fs/promises';
import { checkShareSet, formatVerifyKey, parseShareSet, recoverySheet } from '@fieldseal/backup';
import { FieldsealError } from '@fieldseal/core';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import {
  fileText,
  KEYRING_OPTIONS,
  keyringOf,
  PLACE_OPTIONS,
  placeOf,
  VERIFY_OPTIONS,
  verifiersOf,
} from './request.ts';

/** `fieldseal backup sheet` */
export const backupSheet: Command = {
  name: 'backup sheet',
  summary: 'write a page to print: what to have in a disaster, where it is, and what to run',
  details: [
    'The page holds no secret and loads nothing. Print it again when keys, places or holders of shares have changed.',
  ],
  positionals: [],
  options: {
    ...PLACE_OPTIONS,
    ...KEYRING_OPTIONS,
    ...VERIFY_OPTIONS,
    set: { value: 'file', help: 'the set of shares that is active' },
    out: { value: 'file', help: 'where it is written, over an older one; ./fieldseal-recovery.html by default' },
  },
  audit: 'none',
  run: write,
};

async function write(input: CommandInput): Promise<Report> {
  const { options } = input;
  const { path, storage } = keyringOf(input);
  const text = await storage.read();
  if (text === null) throw new FieldsealError('ERR_KEYRING_MISSING', `there is no keyring at ${path}`);
  const { id, generation, slots } = factsOf(text);
  const keys = await verifiersOf(input);
  const shares = options['set'] === undefined ? null : parseShareSet(await fileText(options['set']));
  if (shares !== null) checkShareSet(shares, keys);
  const out = options['out'] ?? 'fieldseal-recovery.html';
  const page = recoverySheet({
    keyringId: id,
    generation,
    slots: slots.map(({ type }) => type),
    keyringPath: path,
    place: placeOf(input).path,
    publicKey: keys[0] === undefined ? '' : formatVerifyKey(keys[0]),
    printed: new Date(),
    ...(shares !== null && { shares }),
  });
  await writeFile(out, page).catch((cause: unknown) => {
    throw new CliError('ERR_FILE_IO', `${out} cannot be written`, 'Check the path and its permissions.', cause);
  });
  return { lines: [`${out}: print it, and fill in by hand what it asks for.`], json: { out, keyringId: id } };
}

interface Facts {
  readonly id: string;
  readonly generation: number;
  readonly slots: readonly { readonly type: string }[];
}

/** What a keyring says without a key. */
function factsOf(text: string): Facts {
  try {
    const { id, generation, slots } = JSON.parse(text) as Facts;
    return { id: String(id), generation: Number(generation), slots: slots.map(({ type }) => ({ type: String(type) })) };
  } catch (cause) {
    throw new FieldsealError('ERR_KEYRING_DAMAGED', 'the keyring cannot be read', { cause });
  }
}
