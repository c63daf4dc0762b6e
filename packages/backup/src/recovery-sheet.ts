import { escaped, printedPage } from './page.ts';
import type { ShareSetFile } from './share-set-file.ts';

/** What a recovery sheet says; nothing of it is secret. */
export interface RecoveryFacts {
  readonly keyringId: string;
  readonly generation: number;
  /** Types of the ways to open the keyring. */
  readonly slots: readonly string[];
  /** Path of the keyring on the machine of the application. */
  readonly keyringPath: string;
  /** Where the backups are. */
  readonly place: string;
  /** Text of the public key that verifies them, as minisign reads it. */
  readonly publicKey: string;
  /** The set of shares that is active, if there is one. */
  readonly shares?: ShareSetFile;
  readonly printed: Date;
}

const SLOTS: Readonly<Record<string, string>> = {
  rawKey: 'FIELDSEAL_KEY, from the secret manager of the application',
  passphrase: 'FIELDSEAL_PASSPHRASE, known to people',
  recoveryKey: 'the recovery key, or shares: kept on paper, away from the machine',
  tpm: 'the TPM of the machine, which is lost with it',
};

/** Rows that people fill in by hand. */
const BY_HAND = [
  'Where the recovery key is kept',
  'Where the age identity of the backups is kept',
  'Where the public key and this sheet are kept besides here',
  'Who may decide on a recovery, with telephone',
  'Where the backups of the database are',
  'Date of the last drill, and by whom',
];

/**
 * A page to print: what is needed to recover, where it is, and the commands, first with Debian's own programs, then with Fieldseal. It loads nothing
 * and holds no secret.
 */
export function recoverySheet(facts: RecoveryFacts): string {
  const { keyringId, generation, slots, keyringPath, place, publicKey, shares, printed } = facts;
  const kinds = [...new Set(slots)].map((type) => `${type}: ${SLOTS[type] ?? 'a device or a service'}`);
  const rows = [
    ['Keyring', `${keyringId}, generation ${generation} when this was printed`],
    ['Its place', keyringPath],
    ['It opens by', kinds.join('; ')],
    ['Backups', place],
    ['Printed', printed.toISOString()],
  ];
  return printedPage(
    'Recovery of encrypted data',
    `<p>Whoever has a backup, an identity that opens it, and one key of the keyring can read the data again. This page is no secret; none of the three may be
kept with it.</p>
<table>${rows.map(([name, text]) => `<tr><th>${escaped(name as string)}</th><td>${escaped(text as string)}</td></tr>`).join('')}</table>
<h2>Public key of the backups</h2>
<pre>${escaped(publicKey.trim())}</pre>
<p>Keep these two lines as <code>fieldseal.pub</code>.</p>
${shares === undefined ? '' : holdersOf(shares)}
<h2>To fill in by hand</h2>
<table>${BY_HAND.map((name) => `<tr><th>${name}</th><td class="blank"></td></tr>`).join('')}</table>
<h2>1. Look at the newest backup, on any Debian, without Fieldseal</h2>
<pre>apt-get install age minisign
minisign -Vm 000….tar.age -p fieldseal.pub
mkdir out; age -d -i identity.txt 000….tar.age &gt; backup.tar &amp;&amp; tar -xf backup.tar -C out
sha256sum out/keyring.json        # compare with out/MANIFEST.json</pre>
<p>Stop when minisign refuses it: take an older backup, and find out who changed this one.</p>
<h2>2. Restore the keyring, on the new machine of the application</h2>
<pre>export FIELDSEAL_BACKUPS=…        # folder with the backups
export FIELDSEAL_RECOVERY_KEY=…   # read from paper; typed, never stored
npx fieldseal backup restore latest --identity identity.txt --public-key fieldseal.pub
npx fieldseal backup restore latest --identity identity.txt --public-key fieldseal.pub --apply</pre>
<p>The first shows what would change, the second does it. With <code>--rows</code>, rows that are missing come back too.</p>
${shares === undefined ? '' : combining(shares)}
<h2>3. Afterwards</h2>
<p>Run <code>npx fieldseal doctor --database</code>. Give the application a key of its own and remove the ways to open the keyring that were lost. Make a backup at once. Whatever
was read aloud or typed on a strange machine counts as known: replace it.</p>`,
  );
}

function holdersOf({ setId, threshold, count, holders, active }: ShareSetFile): string {
  const list = holders.map(
    ({ index, name }) => `<tr><th>${index}</th><td>${escaped(name)}</td><td class="blank"></td></tr>`,
  );
  return `<h2>Holders of shares</h2>
<p>Set <code>${escaped(setId)}</code>: any ${threshold} of ${count}${active === null ? ', <b>not active yet</b>' : ''}.</p>
<table><tr><th>Share</th><th>Holder</th><th>How to reach</th></tr>${list.join('')}</table>`;
}

function combining({ setId, threshold }: ShareSetFile): string {
  return `<h2>2b. Or restore it by ${threshold} shares, without an identity and a recovery key</h2>
<pre>npx fieldseal shares combine --set shares-${escaped(setId)}.json --public-key fieldseal.pub --backup latest --apply --new-key</pre>
<p>Each holder types or pastes the text of the share, one a line; the end of the input is Control-D. The key that is shown is FIELDSEAL_KEY of the application.</p>`;
}
