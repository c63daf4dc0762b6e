/**
 * The errors of Fieldseal: one class, one stable code per cause. Messages name models, fields and key ids and never hold a
 * value, a key or a ciphertext, so that they may be logged.
 *
 * @module
 */

/** Every code, with the advice that stands in for a hint when the thrower gives none. */
const HINTS = {
  ERR_AUDIT_DAMAGED:
    'The audit log is not what was written: keep it, look at it with `fieldseal audit verify`, and start a new one.',
  ERR_AUDIT_SINK: 'Give the audit log a place that takes entries: free disk space, or a database that answers.',
  ERR_BACKUP_DAMAGED: 'Take another backup, and find out how this one was damaged.',
  ERR_BACKUP_GATE: 'Make a backup and verify it; then promote.',
  ERR_BACKUP_LOCKED: 'Give the identity of one of its recipients; without any the backup cannot be opened.',
  ERR_BACKUP_RECIPIENT: 'Give the recipient as `age-keygen` showed it (age1…).',
  ERR_BACKUP_ROLLBACK: 'It is older than what is there: restore it only knowingly, by allowing a rollback.',
  ERR_BACKUP_SIGNATURE: 'Do not use this backup before you know who made or changed it.',
  ERR_BACKUP_TARGET: 'Check the place of the backups and its permissions.',
  ERR_BINDING: 'Name the row by the fields that the cell is bound to, as in where: { id }.',
  ERR_CELL_FORMAT:
    'The stored value is not a Fieldseal cell. It was written without encryption or damaged; restore it or encrypt it.',
  ERR_DECRYPT: 'The cell is damaged, was moved from another place, or was written under another key.',
  ERR_ENGINE: 'Choose another engine, or leave the option out.',
  ERR_FLEET_BEHIND:
    'Wait until every live instance has read the keyring; `fieldseal fleet` shows which has not. One that is gone is not counted any more after a while.',
  ERR_INDEX_ROTATION:
    'Finish the rotation of the indexes first (`fieldseal index status`); a unique index needs a second column, @blindIndex(next: …), to be rotated.',
  ERR_INDEX_WRITTEN: 'Leave the index column out; Fieldseal writes it from the field that it indexes.',
  ERR_JOB_ACTIVE: 'Let that job end, or cancel it: two would write over each other.',
  ERR_JOB_BUDGET: 'Look at the quarantined rows and mend them, or raise errorRows; then resume the job.',
  ERR_JOB_DATABASE:
    'Check that the database is reachable, and that its user may write the rows and the tables of jobs.',
  ERR_JOB_REPORT: 'The report was changed, or another keyring signed it. Do not rely on it.',
  ERR_JOB_STATE: 'Look at the job with its status; one that has ended is not taken up again.',
  ERR_JOB_UNKNOWN: 'Check the id of the job, and that this is the database it was started in.',
  ERR_KEK_DENIED: 'Check the credentials for the key service, and that they may encrypt and decrypt with this key.',
  ERR_KEK_DISABLED:
    'Enable the key, or the version of it, in the key service again; what it wrapped cannot be used meanwhile.',
  ERR_KEK_MISSING: 'Open the keyring with the KeyWrapper that it was created with, under the same id.',
  ERR_KEK_NOT_FOUND:
    'Check address, region and name of the key; a deleted key takes with it all that it alone has wrapped.',
  ERR_KEK_REFUSED:
    'Check that the key is of a type that encrypts symmetrically, and look into the log of the key service.',
  ERR_KEK_RESPONSE:
    'Check that the address is that of the key service itself, and not of a proxy or a page for signing in.',
  ERR_KEK_THROTTLED: 'Raise the quota of the key service, or ask it less often: keep DEKs cached longer.',
  ERR_KEK_TIMEOUT: 'Check the network to the key service, or allow more time by timeoutMs.',
  ERR_KEK_UNAVAILABLE:
    'Check that the key service runs and can be reached; a `multi` KEK stays usable when one service is down.',
  ERR_KEY_DESTROYED: 'What this key encrypted cannot be read any more; restore the key from a backup if it must be.',
  ERR_KEY_DISABLED: 'Enable the key version again to read what it encrypted.',
  ERR_KEY_EXHAUSTED: 'Rotate: add a key version and promote it.',
  ERR_KEY_INVALID: 'Check the key or passphrase for missing or changed characters.',
  ERR_KEY_MISSING:
    'Set FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE in the environment. A .env file has to be loaded, as by `node --env-file=.env`. Where only the recovery key is left, `fieldseal keyring add-key` makes a new one.',
  ERR_KEY_STATUS: 'Look at the key versions with `fieldseal keyring show`.',
  ERR_KEY_STORE: 'Check that the key store is reachable and undamaged.',
  ERR_KEY_UNKNOWN:
    'Check the key id and its scope (`fieldseal keys list`), and that this is the keyring; another instance may have added the key just now.',
  ERR_KEY_WIPED: 'The keyring was closed, or the key was disabled meanwhile; open the keyring again, or try again.',
  ERR_KEYRING_BUSY: 'Another process is changing the keyring. Try again.',
  ERR_KEYRING_DAMAGED: 'Restore the keyring from a backup; do not edit it by hand.',
  ERR_KEYRING_EXISTS: 'Choose another path, or open the keyring that is there.',
  ERR_KEYRING_IO: 'Check the path and the permissions of the keyring.',
  ERR_KEYRING_LOCKED:
    'None of the given keys opens this keyring: check FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE, or the keyring was altered.',
  ERR_KEYRING_MISSING:
    'Create one with `npx fieldseal init`, or restore it from a backup if data was encrypted before.',
  ERR_KEYRING_SLOT: 'Keep at least one recovery key and one more way to open the keyring.',
  ERR_NOT_AUTHORIZED: 'Ask for the right to do this, or run it as an actor that has it (withActor).',
  ERR_OPTIONS: 'See the documentation of the option.',
  ERR_PLAINTEXT: 'Use the client that `$extends(encryption())` returned, or encrypt the value with its $encryption.',
  ERR_RATE_LIMITED: 'Use keys less often, or raise the limit; where the limiter failed, give it an insurance limiter.',
  ERR_READ_STOPPED:
    'Find out why cells do not open: the wrong keyring, damaged rows, or somebody who tries. Reading opens again by itself after a while.',
  ERR_ROW_REFUSED: 'A constraint of the database refused the row: another row may hold the same value.',
  ERR_SCHEMA: 'Correct the annotation in schema.prisma and generate again.',
  ERR_SCHEMA_STALE: 'Run `prisma generate` again.',
  ERR_SCOPE_CONFLICT:
    'Name one scope: what the query names, withScope and encryption({ scope }) have to agree, and a row keeps its scope.',
  ERR_SCOPE_MISMATCH:
    'The row or the cell belongs to another scope than the one that it is read in. It may have been copied there; do not copy it back before you know by whom.',
  ERR_SCOPE_MISSING:
    'Name the scope: by the @scope field in data or where, by withScope(id, …), or by encryption({ scope }).',
  ERR_SEARCH_LIMIT:
    'Narrow the filter down, ask for a page (take), give the index more bits or shorter steps, or raise encryption({ searchLimit }).',
  ERR_SHARE: 'Copy the share again; its holder has the original.',
  ERR_SHARES_MISSING: 'Ask further holders for their shares.',
  ERR_TPM_BLOB_INVALID: 'Restore the keyring from a backup, or open it with the recovery key and reseal.',
  ERR_TPM_BUSY: 'Another program holds the TPM: use /dev/tpmrm0, which several programs can share.',
  ERR_TPM_COUNTER_MISSING:
    'The counter of the slot was removed from the TPM: open the keyring with the recovery key and reseal.',
  ERR_TPM_ENCRYPTION_UNSUPPORTED:
    'This TPM cannot protect secrets on its bus as Fieldseal demands (P-256 or RSA-2048, SHA-256, AES-128-CFB). Open the keyring another way.',
  ERR_TPM_IO:
    'Something between this program and the TPM changed or cut the exchange. Do not try again before you know what it is.',
  ERR_TPM_LOCKOUT: 'Wait; every try makes it longer. The recovery key opens the keyring meanwhile.',
  ERR_TPM_NOT_FOUND:
    'Enable the TPM in the firmware, or pass it into the container by --device /dev/tpmrm0; nothing else is used in its place.',
  ERR_TPM_NV_SPACE: 'Remove counters of the TPM that are not used any more, or seal without a counter.',
  ERR_TPM_OWNER_AUTH:
    'Give the owner authorisation of the TPM, or have its owner make the storage root key persistent at 0x81000001.',
  ERR_TPM_PCR_MISMATCH: 'If the change was meant (an update, say), open the keyring with the recovery key and reseal.',
  ERR_TPM_PCR_RACE: 'Something keeps extending PCRs, as IMA does at start-up: try again when the machine has settled.',
  ERR_TPM_PCR_UNINITIALISED:
    'Choose PCRs that the firmware of this machine measures; `fieldseal tpm status` shows them.',
  ERR_TPM_PERMISSION: 'Add the user to the group tss, or the container by --group-add with the id of that group.',
  ERR_TPM_PIN_REQUIRED: 'Give the PIN of the slot; the command line takes it from FIELDSEAL_TPM_PIN.',
  ERR_TPM_PIN_WRONG: 'Check the PIN: the TPM locks itself after a few wrong ones.',
  ERR_TPM_REFUSED: 'The TPM gave a code that Fieldseal does not expect; it is in the message.',
  ERR_TPM_ROLLBACK:
    'The keyring is older than its last reseal: restore the newest file, or open it with the recovery key and reseal.',
  ERR_TPM_SIGNATURE_INVALID: 'Sign the policy again with the key that the slot was enrolled with.',
  ERR_TPM_SIGNATURE_MISSING: 'Sign the PCR values of this boot: `fieldseal tpm sign-policy`.',
  ERR_TPM_SRK_MISMATCH:
    'The TPM was cleared or replaced, or the machine was moved without it: open the keyring with the recovery key and reseal.',
  ERR_TPM_TIMEOUT: 'The TPM did not answer in time: another program may hold it. Use /dev/tpmrm0, or a longer timeout.',
  ERR_TPM_TOO_LARGE: 'A TPM seals 1 to 128 bytes: seal a key, and encrypt the data with it.',
  ERR_UNSUPPORTED_FILTER: 'Add a blind index for equality, or filter after reading.',
  ERR_UNSUPPORTED_OPERATION: 'Leave the encrypted field out of this operation.',
  ERR_VALUE: 'Give a value of the type that the schema names.',
  ERR_VALUE_TYPE: 'The cell holds a value of another type than the schema names; correct the annotation.',
} as const;

/** Stable codes of {@link FieldsealError}. A code never changes its meaning; new ones may be added. */
export type ErrorCode = keyof typeof HINTS;

/** All error codes, for tables and exhaustive tests. */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(HINTS) as ErrorCode[];

/** Where an error happened. None of it is secret. */
export interface ErrorDetails {
  /** Model of schema.prisma. */
  readonly model?: string | undefined;
  /** Field of the model. */
  readonly field?: string | undefined;
  /** Key id as 16 hexadecimal digits. */
  readonly keyId?: string | undefined;
  /** What to do about it; each code has a default. */
  readonly hint?: string | undefined;
  /** The error behind this one. It must hold no value, key or ciphertext. */
  readonly cause?: unknown;
}

/**
 * The only error class that Fieldseal throws on purpose.
 *
 * @example
 * ```ts
 * try { await prisma.patient.findMany({ where: { notes: { contains: 'x' } } }); }
 * catch (error) { if (isFieldsealError(error, 'ERR_UNSUPPORTED_FILTER')) … }
 * ```
 */
export class FieldsealError extends Error {
  override readonly name = 'FieldsealError';
  /** What went wrong, as a stable code. */
  readonly code: ErrorCode;
  /** Model of schema.prisma, where known. */
  readonly model: string | undefined;
  /** Field of the model, where known. */
  readonly field: string | undefined;
  /** Key id as 16 hexadecimal digits, where known. */
  readonly keyId: string | undefined;
  /** What to do about it. */
  readonly hint: string;
  /** What happened: the message without place, code and hint. */
  readonly summary: string;

  /** @param message - what happened, in one sentence, without any value, key or ciphertext */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    const place =
      details.model === undefined ? '' : ` (${details.model}${details.field === undefined ? '' : `.${details.field}`})`;
    const hint = details.hint ?? HINTS[code];
    super(`${message}${place} [${code}]. ${hint}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.summary = message;
    this.model = details.model;
    this.field = details.field;
    this.keyId = details.keyId;
    this.hint = hint;
  }

  /** The same error with its place, for code that knows the place better than the thrower. */
  at(place: { readonly model: string; readonly field: string; readonly keyId?: string | undefined }): FieldsealError {
    const { model, field, keyId = this.keyId } = place;
    return new FieldsealError(this.code, this.summary, { model, field, keyId, hint: this.hint, cause: this.cause });
  }
}

/** Whether `error` is a {@link FieldsealError}, of the given code where one is given. Works across copies of this package. */
export function isFieldsealError(error: unknown, code?: ErrorCode): error is FieldsealError {
  if (!(error instanceof Error) || error.name !== 'FieldsealError' || !('code' in error)) return false;
  return code === undefined || error.code === code;
}

/** The one error of every failed authentication: it never says why. Returned, not thrown. */
export function decryptError(details: ErrorDetails): FieldsealError {
  return new FieldsealError('ERR_DECRYPT', 'a cell could not be opened', details);
}
