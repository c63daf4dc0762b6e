import {
  addKek,
  environmentOpeners,
  type Keyring,
  keyringFile,
  keyringPath,
  type RewrapProgress,
} from '@fieldseal/core';
import { usage } from '../arguments.ts';
import type { Command, CommandInput, Report } from '../command.ts';
import { durationOf, numberOf } from '../jobs/job-options.ts';
import { table } from '../table.ts';
import { STORE_OPTIONS, withKeyring } from './keys/request.ts';
import { RewrapLine } from './rewrap-line.ts';

const ACTIONS = ['plan', 'start', 'work', 'status', 'retire'] as const;

/** `fieldseal rewrap` */
export const rewrap: Command = {
  name: 'rewrap',
  summary: 'wrap all keys again under a new KEK, while the application runs',
  details: [
    'Rows are not touched: a KEK wraps keys, and keys encrypt rows. start adds a KEK to the keyring, which wraps new keys from then on. work wraps the others\n' +
      'again; it may be stopped in any way, called again, and run in several processes. retire takes a KEK out that no key is under any more:\n' +
      '25 hours after another was added, or with --every-process-knows, by which you vouch that all processes were started again since.',
    'What is left is read off the keys themselves, so there is no job to pause or cancel: stop the command. plan and status count the keys of\n' +
      'each KEK, and need no more than to open the keyring. Ends with 11 when keys could not be unwrapped; they stay as they are.',
  ],
  positionals: ['action'],
  options: {
    ...STORE_OPTIONS,
    kek: { value: 'id', help: 'retire: the KEK' },
    'every-process-knows': { help: 'retire now: all processes were started again since another KEK was added' },
    for: { value: 'time', help: 'work for so long at most: 30s, 5m, 1h' },
    'keys-per-second': { value: 'number', help: 'the most keys a second; no limit by default' },
    batch: { value: 'number', help: 'scopes that are read and stored together; 500 by default' },
  },
  audit: ({ positionals: [action] }) => (action === 'start' ? 'command' : 'keyring'),
  run,
};

async function run(input: CommandInput): Promise<Report> {
  const [given] = input.positionals;
  const action = ACTIONS.find((known) => known === given);
  if (action === undefined) throw usage(rewrap, `the action is one of ${ACTIONS.join(', ')}`);
  if (action === 'start') return start(input);
  if (action === 'retire') return retire(input);
  return withKeyring(rewrap, input, (keyring) => (action === 'work' ? work(keyring, input) : status(keyring)));
}

/** A KEK outside the keyring cannot be made here: a program gives it to addKek. */
async function start(input: CommandInput): Promise<Report> {
  const { options, env } = input;
  const storage = keyringFile(options['keyring'] ?? keyringPath(env));
  const kek = await addKek({ storage, openers: environmentOpeners(env) });
  return {
    lines: [
      `The new KEK is ${kek}. Back the keyring up now.`,
      'Processes take it over within a minute. Then run `fieldseal rewrap work`.',
    ],
    json: { added: kek },
  };
}

async function work(keyring: Keyring, { options, io }: CommandInput): Promise<Report> {
  const forMs = durationOf(options, 'for') ?? Number.POSITIVE_INFINITY;
  const perSecond = numberOf(options, 'keys-per-second') ?? Number.POSITIVE_INFINITY;
  const batch = numberOf(options, 'batch');
  const stop = new AbortController();
  io.stopping?.().addEventListener('abort', () => stop.abort());
  const line = new RewrapLine(io, await keysOf(keyring));
  const started = performance.now();
  const progress = async ({ rewrapped }: RewrapProgress): Promise<void> => {
    line.show(rewrapped);
    const passed = performance.now() - started;
    if (passed >= forMs) stop.abort();
    const early = Math.min((rewrapped / perSecond) * 1000, forMs) - passed;
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
  };
  const done = await keyring
    .rewrap({ signal: stop.signal, progress, ...(batch === undefined ? {} : { batch }) })
    .finally(() => line.end());
  const after = await status(keyring);
  const failed = done.failed.map(({ keyId, kekId, code }) => [keyId, kekId, code]);
  return {
    lines: [
      `${done.rewrapped} keys wrapped again, ${done.conflicts} keysets changed meanwhile and were looked at again.`,
      ...(failed.length === 0 ? [] : ['Keys that do not unwrap, and stay as they are:']),
      ...table([...(failed.length === 0 ? [] : [['key id', 'kek', 'error']]), ...failed]),
      ...after.lines,
    ],
    json: { ...done, ...after.json },
    exitCode: failed.length === 0 ? 0 : 11,
  };
}

async function retire(input: CommandInput): Promise<Report> {
  const { kek } = input.options;
  if (kek === undefined) throw usage(rewrap, 'retire needs --kek');
  return withKeyring(rewrap, input, async (keyring) => {
    await keyring.removeKek(kek, { everyProcessKnows: 'every-process-knows' in input.options });
    return {
      lines: [`${kek} is gone. Backups of keys from before need a keyring of that time: keep it with them.`],
      json: { removed: kek },
    };
  });
}

async function keysOf(keyring: Keyring): Promise<number> {
  const { keks } = await keyring.describe([]);
  const counts = await keyring.kekCensus();
  const newest = keks.at(-1)?.id ?? '';
  return [...counts].reduce((sum, [kek, keys]) => sum + (kek === newest ? 0 : keys), 0);
}

async function status(keyring: Keyring): Promise<Report> {
  const { keks } = await keyring.describe([]);
  const counts = await keyring.kekCensus();
  const rows = keks.map(({ id, created }, at) => ({
    kek: id,
    created,
    keys: counts.get(id) ?? 0,
    newest: at === keks.length - 1,
  }));
  const left = rows.reduce((sum, { keys, newest }) => sum + (newest ? 0 : keys), 0);
  return {
    lines: [
      ...table([
        ['kek', 'created', 'keys', ''],
        ...rows.map(({ kek, created, keys, newest }) => [
          kek,
          created.slice(0, 10),
          String(keys),
          newest ? 'wraps new keys' : '',
        ]),
      ]),
      left === 0 ? 'No key is under an older KEK.' : `${left} keys are left for \`fieldseal rewrap work\`.`,
    ],
    json: { keks: rows, left },
  };
}
