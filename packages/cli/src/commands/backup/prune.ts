import { checkSignature, listBackups, openManifest, planRetention, removeBackup } from '@fieldseal/backup';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, CommandOption, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { IDENTITY_OPTIONS, identitiesOf, PLACE_OPTIONS, placeOf, VERIFY_OPTIONS, verifiersOf } from './request.ts';

/** Options that say how many backups stay. */
export const COUNTS: Readonly<Record<string, CommandOption>> = {
  last: { value: 'number', help: 'keep the newest so many; 7 by default' },
  daily: { value: 'number', help: 'keep the newest of so many days; 30 by default' },
  weekly: { value: 'number', help: 'keep the newest of so many weeks; 8 by default' },
  monthly: { value: 'number', help: 'keep the newest of so many months; 12 by default' },
};

/** `fieldseal backup prune` */
export const backupPrune: Command = {
  name: 'backup prune',
  summary: 'remove old backups that nothing needs any more',
  details: [
    'Shows what would go; --apply removes it. Nothing younger than 30 days goes, nor the newest backup that opens, nor one that alone holds a key: with\n' +
      '--identity the archives are opened to know which keys they hold, and without it nothing is known and nothing goes.',
  ],
  positionals: [],
  options: {
    ...PLACE_OPTIONS,
    ...COUNTS,
    ...IDENTITY_OPTIONS,
    ...VERIFY_OPTIONS,
    apply: { help: 'remove; without it nothing is changed' },
  },
  audit: 'command',
  run: prune,
};

/** A file without a signature is the remains of a program that was stopped, once it is this old, in ms. */
const REMAINS_MS = 24 * 60 * 60 * 1000;

/** Removes what nothing needs, as the options say. */
export async function prune(input: CommandInput): Promise<Report> {
  const { target } = placeOf(input);
  const [keys, identities] = [await verifiersOf(input), await identitiesOf(input)];
  const { backups, unfinished } = await listBackups(target);
  const held = new Map<string, ReadonlySet<string> | null>();
  for (const { name } of backups) {
    const manifest = await checkSignature(target, name, keys)
      .then(() => openManifest(target, name, identities))
      .catch(() => null); // one that does not open stays, and is told of by `backup verify`
    held.set(name, manifest === null ? null : new Set(Object.keys(manifest.keys)));
  }
  const newestVerified = backups.filter(({ name }) => held.get(name) !== null).at(-1)?.name ?? null;
  // Every key of the newest backup may be in use; a key that no backup but an old one holds may be too.
  const keysInUse = new Set([...held.values()].flatMap((ids) => [...(ids ?? [])]));
  const plan = planRetention(backups, policyOf(input), {
    now: Date.now(),
    newestVerified,
    keysInUse,
    keysOf: ({ name }) => held.get(name) ?? null,
  });
  const going = [...plan].filter(([, why]) => why === null).map(([name]) => name);
  const remains = unfinished.filter((name) => isOld(name));
  const apply = 'apply' in input.options;
  if (apply) for (const name of [...going, ...remains]) await removeBackup(target, name);
  const rows = [...plan].map(([name, why]) => [name, why ?? (apply ? 'removed' : 'would go')]);
  return {
    lines: [
      ...(rows.length === 0 ? [`There is no backup at ${target.label}.`] : table([['backup', 'kept for'], ...rows])),
      ...remains.map((name) => `${name}: never finished; ${apply ? 'removed' : 'would go'}`),
      ...(apply || going.length + remains.length === 0 ? [] : ['', 'Nothing was removed. Add --apply to do it.']),
    ],
    json: {
      applied: apply,
      backups: Object.fromEntries(plan),
      removed: apply ? going : [],
      wouldGo: going,
      unfinished: remains,
    },
  };
}

function policyOf({ options }: CommandInput): Record<string, number> {
  const given = Object.keys(COUNTS).filter((name) => options[name] !== undefined);
  return Object.fromEntries(
    given.map((name) => {
      const text = options[name] ?? '';
      if (!/^\d{1,5}$/.test(text)) throw usage(backupPrune, `--${name} is a number`);
      return [name, Number(text)];
    }),
  );
}

function isOld(name: string): boolean {
  const [, year, month, day] = /^\d{8}-(\d{4})(\d\d)(\d\d)T/.exec(name) ?? [];
  return Date.now() - Date.parse(`${year}-${month}-${day}T23:59:59Z`) > REMAINS_MS;
}
