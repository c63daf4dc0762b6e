import { access, constants, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  FieldsealError,
  type Keyring,
  type KeysetRecord,
  type ShredReceipt,
  verifyShredReceipt,
} from '@fieldseal/core';
import { usage } from '../../arguments.ts';
import { CENSUS_OPTIONS, cellsOf, takeCensus } from '../../census/census.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import {
  keysetOf,
  STORE_OPTIONS,
  scopeName,
  shortTime,
  WAIT_OPTION,
  waitMsOf,
  withKeyring,
  YES_OPTION,
} from './request.ts';

/** `fieldseal keys shred` */
export const keysShred: Command = {
  name: 'keys shred',
  summary: 'make all data of a scope unreadable: first disable its keys, then destroy them',
  details: [
    'The first call disables all keys of the scope, so that nothing of it can be read or written any more; `keys cancel --scope` takes it back.\n' +
      'Once the waiting time has passed, the second call counts the cells that are lost, destroys the keys, and gives a signed receipt. A third\n' +
      'call gives the same receipt again.',
    'Without --yes nothing is changed: the command says what it would do. Backups of the key store still hold the keys: see docs/shredding.md.',
  ],
  positionals: ['scope'],
  options: {
    ...STORE_OPTIONS,
    ...WAIT_OPTION,
    ...CENSUS_OPTIONS,
    'no-census': { help: 'destroy the keys without counting the cells' },
    'from-receipt': {
      value: 'file',
      help: 'destroy again what a backup brought back, by the receipt of its destruction',
    },
    receipt: { value: 'file', help: 'file that the receipt is written to; one that exists is not overwritten' },
    ...YES_OPTION,
  },
  audit: 'keyring',
  run: shred,
};

function shred(input: CommandInput): Promise<Report> {
  const [scope = ''] = input.positionals;
  if (scope === '') throw usage(keysShred, 'the keys of the whole application are not shredded: name a scope');
  return withKeyring(keysShred, input, async (keyring) => {
    const record = await keysetOf(keyring, scope);
    const file = input.options['from-receipt'];
    if (file !== undefined) return again(input, keyring, record, await readReceipt(file));
    if (record.shred === undefined) return begin(input, keyring, record);
    if (record.shred.destroyed !== null)
      return receiptReport(input, await keyring.shredReceipt(scope), keyring.receiptKey);
    return finish(input, keyring, record, record.shred.destroyAfter);
  });
}

async function begin(input: CommandInput, keyring: Keyring, { scope, data, index }: KeysetRecord): Promise<Report> {
  const waitMs = waitMsOf(keysShred, input);
  const done = 'yes' in input.options;
  if (done) await keyring.shred(scope, waitMs === undefined ? {} : { waitMs });
  const after = done ? ((await keysetOf(keyring, scope)).shred?.destroyAfter ?? null) : null;
  const keys = [...data.versions, ...index.versions]
    .filter(({ status }) => status === 'enabled')
    .map(({ keyId }) => keyId);
  return {
    lines: [
      ...table([
        ['scope', scopeName(scope)],
        ['keys', keys.join(', ')],
      ]),
      done
        ? `They are disabled; they may be destroyed after ${shortTime(after ?? '')}: call this again then. \`fieldseal keys cancel --scope ${scope}\` takes it back.`
        : 'Nothing was changed. With --yes these keys are disabled, and nothing of the scope can be read any more.',
    ],
    json: { scope, action: 'disable', done, keys, destroyAfter: after },
  };
}

async function finish(
  input: CommandInput,
  keyring: Keyring,
  record: KeysetRecord,
  destroyAfter: string,
): Promise<Report> {
  const { scope } = record;
  if (Date.now() < Date.parse(destroyAfter))
    throw new FieldsealError('ERR_KEY_STATUS', `the waiting time ends at ${shortTime(destroyAfter)}`, {
      hint: '`fieldseal keys cancel` with the scope takes it back.',
    });
  const taken = 'no-census' in input.options ? null : await takeCensus(input, record);
  const census = taken === null ? null : { counted: taken.counted, entries: taken.entries };
  await refuseTaken(input.options['receipt']);
  if (!('yes' in input.options)) {
    const count =
      taken === null
        ? 'Cells were not counted.'
        : `${cellsOf(taken)} cells in ${taken.fields} encrypted columns can then never be read again.`;
    return {
      lines: [
        ...table([['scope', scopeName(scope)]]),
        'Nothing was changed. With --yes the keys of the scope are destroyed for good.',
        count,
      ],
      json: { scope, action: 'destroy', done: false, census },
    };
  }
  return receiptReport(input, await keyring.destroyShredded(scope, census), keyring.receiptKey);
}

async function again(
  input: CommandInput,
  keyring: Keyring,
  { scope }: KeysetRecord,
  receipt: ShredReceipt,
): Promise<Report> {
  if (receipt.scope !== scope) throw usage(keysShred, 'the receipt is of another scope');
  if (!verifyShredReceipt(receipt, keyring.receiptKey))
    throw new FieldsealError('ERR_OPTIONS', 'the receipt was changed, or another keyring signed it', {
      hint: 'Give the file that `keys shred --receipt` wrote, as it was.',
    });
  const done = 'yes' in input.options;
  if (done) await keyring.applyReceipt(receipt);
  return {
    lines: [
      ...table([['scope', scopeName(scope)]]),
      done
        ? 'The keys are destroyed again.'
        : 'Nothing was changed. With --yes the keys of the scope are destroyed again, for good.',
    ],
    json: { scope, action: 'destroy-again', done },
  };
}

/** A receipt of a file that may be any: the keyring checks it. */
async function readReceipt(file: string): Promise<ShredReceipt> {
  try {
    return { ...(JSON.parse(await readFile(file, 'utf8')) as ShredReceipt) };
  } catch (error) {
    throw new CliError(
      'ERR_FILE_IO',
      `${file} cannot be read as a receipt`,
      'Name the file that `keys shred --receipt` wrote.',
      error,
    );
  }
}

/** Throws ERR_FILE_IO where the receipt could not be written, before anything is destroyed. */
async function refuseTaken(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const taken = await access(file).then(
    () => true,
    () => false,
  );
  const writable = await access(dirname(file), constants.W_OK).then(
    () => true,
    () => false,
  );
  if (taken || !writable)
    throw new CliError(
      'ERR_FILE_IO',
      `${file} cannot be written`,
      'Name a file that is not there yet, in a folder that is.',
    );
}

async function receiptReport({ options }: CommandInput, receipt: ShredReceipt, publicKey: string): Promise<Report> {
  const text = `${JSON.stringify(receipt, null, 2)}\n`;
  const file = options['receipt'];
  if (file !== undefined)
    await writeFile(file, text, { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
      const hint = 'The keys are destroyed. Call this again with another file to get the receipt.';
      throw new CliError('ERR_FILE_IO', `${file} cannot be written (${error.code})`, hint, error);
    });
  return {
    lines: [
      ...table([
        ['scope', scopeName(receipt.scope)],
        ['destroyed', shortTime(receipt.destroyed)],
        ['cells', receipt.census === null ? 'not counted' : String(cellsOf(receipt.census))],
        ['signed by', publicKey],
      ]),
      ...(file === undefined ? text.trimEnd().split('\n') : [`The receipt is in ${file}.`]),
    ],
    json: { scope: receipt.scope, action: 'destroy', done: true, receipt },
  };
}
