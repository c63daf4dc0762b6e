/** How bad a finding is: an error breaks reads, writes, searches or the promise of encryption; a warning may; a note is for information. */
export type Severity = 'error' | 'warning' | 'note';

/** What is known of a kind of finding before anything is looked at. */
export interface FindingKind {
  readonly severity: Severity;
  /** What to do about it. */
  readonly advice: string;
}

/** Id of a kind of finding. An id never changes its meaning. */
export type FindingId =
  | 'schema.refused'
  | 'schema.unannotated'
  | 'map.missing'
  | 'map.stale'
  | 'client.missing'
  | 'client.stale'
  | 'client.outdated'
  | 'source.unextended'
  | 'source.discarded'
  | 'source.order'
  | 'source.bounded'
  | 'keyring.closed'
  | 'database.skipped'
  | 'database.unsupported'
  | 'database.adapter'
  | 'database.unreachable'
  | 'database.table'
  | 'database.column'
  | 'column.type'
  | 'bound.collation'
  | 'rows.plaintext'
  | 'rows.damaged'
  | 'rows.leaving'
  | 'rows.left'
  | 'rows.migrating'
  | 'rows.migrated'
  | 'rows.unread'
  | 'rows.sampled'
  | 'keys.unknown'
  | 'keys.disabled'
  | 'keys.destroyed'
  | 'index.unindexed'
  | 'index.not-unique'
  | 'index.term-missing'
  | 'index.term-none'
  | 'index.term-orphan'
  | 'index.term-malformed'
  | 'index.term-version'
  | 'leakage.low-cardinality'
  | 'leakage.recovered'
  | 'leakage.unmeasured';

const GENERATE = 'Run `prisma generate`, and deploy what it writes together with the schema.';
const ENCRYPT =
  'Set mode: migrating on the field and encrypt the rows, or encrypt them while nothing else uses the table. Nothing else makes them safe.';
const REINDEX = 'Run `fieldseal backfill start --terms` and `fieldseal backfill work`, which make the terms anew.';
const EXTEND =
  'Use what `new PrismaClient(…).$extends(encryption())` returns. A client that is meant to be plain: write `// fieldseal: plain client` above it.';

/** Every kind of finding. */
export const CATALOGUE: Readonly<Record<FindingId, FindingKind>> = {
  'schema.refused': { severity: 'error', advice: 'Mend the schema; `encryption()` refuses it too.' },
  'schema.unannotated': { severity: 'note', advice: 'Write `/// @encrypted` above a field that is to be encrypted.' },
  'map.missing': { severity: 'warning', advice: GENERATE },
  'map.stale': { severity: 'error', advice: GENERATE },
  'client.missing': { severity: 'note', advice: GENERATE },
  'client.stale': { severity: 'error', advice: GENERATE },
  'client.outdated': { severity: 'warning', advice: GENERATE },
  'source.unextended': { severity: 'warning', advice: EXTEND },
  'source.discarded': {
    severity: 'warning',
    advice: '$extends changes nothing in place: keep what it returns, and use that.',
  },
  'source.order': {
    severity: 'warning',
    advice: 'Apply encryption() last. Extensions behind it see ciphertext and index terms, unless that is wanted.',
  },
  'source.bounded': { severity: 'note', advice: 'Run it in the folder of one application.' },
  'keyring.closed': {
    severity: 'note',
    advice:
      'Set FIELDSEAL_KEYRING, and FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE, and name the key store if there is one (--key-store, --key-store-url-env), to have key ids and index versions judged.',
  },
  'database.skipped': { severity: 'note', advice: 'Set DATABASE_URL, or name another variable with --url-env.' },
  'database.unsupported': { severity: 'note', advice: 'Its columns and rows are not looked at by this version.' },
  'database.adapter': { severity: 'error', advice: 'Install it in the project, in the version of your Prisma client.' },
  'database.unreachable': { severity: 'error', advice: 'Check the URL, the server and the rights of its user.' },
  'database.table': { severity: 'error', advice: 'Apply the migrations to this database, or check the URL and @@map.' },
  'database.column': { severity: 'error', advice: 'Apply the migrations to this database, or check @map.' },
  'column.type': { severity: 'error', advice: 'Change the column by a migration before more rows are written.' },
  'bound.collation': {
    severity: 'error',
    advice: 'Give the column a collation that compares exactly: cells depend on the spelling of the value.',
  },
  'rows.plaintext': { severity: 'error', advice: ENCRYPT },
  'rows.damaged': {
    severity: 'error',
    advice: 'Restore these values from a backup. Reads of them fail with ERR_CELL_FORMAT.',
  },
  'rows.leaving': {
    severity: 'note',
    advice: 'Let `fieldseal backfill --out` run to its end, then take the annotation and its indexes out.',
  },
  'rows.left': { severity: 'note', advice: 'Take the annotation and its indexes out, and deploy.' },
  'rows.migrating': {
    severity: 'note',
    advice: 'Let `fieldseal backfill` run to its end, then take `mode: migrating` out.',
  },
  'rows.migrated': {
    severity: 'note',
    advice:
      'Take `mode: migrating` out: until then plaintext that somebody writes into the database is read as if it were ours.',
  },
  'rows.unread': { severity: 'warning', advice: 'Try again with --sample, or as a user that may read the table.' },
  'rows.sampled': {
    severity: 'note',
    advice: 'What is not in the sample was not looked at. Run on a replica without --sample.',
  },
  'keys.unknown': {
    severity: 'error',
    advice: 'Find the keyring that holds these keys (another environment, a backup) before anything else is written.',
  },
  'keys.disabled': { severity: 'error', advice: 'Enable the key again until nothing is encrypted under it.' },
  'keys.destroyed': {
    severity: 'error',
    advice: 'Restore a backup of the keyring from before: the key is gone from this one.',
  },
  'index.unindexed': {
    severity: 'warning',
    advice: 'Add @@index on the column of terms: searches read the whole table.',
  },
  'index.not-unique': {
    severity: 'error',
    advice: 'Apply the migration that makes it unique: nothing else keeps values unique.',
  },
  'index.term-missing': { severity: 'error', advice: `Searches do not find them. ${REINDEX}` },
  'index.term-none': {
    severity: 'note',
    advice: `Their texts may be too short for the index. If they are not, searches do not find them. ${REINDEX}`,
  },
  'index.term-orphan': {
    severity: 'error',
    advice: 'Set the term to NULL, or delete it from its table: a search finds rows that do not hold the value.',
  },
  'index.term-malformed': {
    severity: 'error',
    advice: `They may be plaintext, or of another number of bits. Searches do not find them. ${REINDEX}`,
  },
  'index.term-version': { severity: 'error', advice: `Searches do not find them. ${REINDEX}` },
  'leakage.low-cardinality': {
    severity: 'error',
    advice:
      'Index the field together with another one, or not at all; `allowLeakage: "reason"` says that this is accepted.',
  },
  'leakage.recovered': {
    severity: 'warning',
    advice:
      'Change the annotation as the table below proposes, index several fields together, or do without the index.',
  },
  'leakage.unmeasured': {
    severity: 'note',
    advice: 'The attack needs 100 rows or more, and a keyring that FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE opens.',
  },
};
