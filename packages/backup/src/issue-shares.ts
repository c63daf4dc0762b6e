import { FieldsealError, SecretBytes, type SlotOpener } from '@fieldseal/core';
import { identityToRecipient } from 'age-encryption';
import { checkRecipients, sealText } from './age-file.ts';
import { shareIdentity, shareOpener } from './share-keys.ts';
import { proofDigest, type ShareSetFile, shareProof } from './share-set-file.ts';
import { shareSheet } from './share-sheet.ts';
import { SECRET_BYTES, splitSecret } from './shares.ts';

/** Who is to hold a share. */
export interface Holder {
  /** As people say it; it stands in the set file. */
  readonly name: string;
  /** age recipient (`age1…`) of whom the share is for. */
  readonly recipient: string;
}

/** Shares that were made, and are nowhere yet. */
export interface IssuedShares {
  /** Without a slot, and not active. */
  readonly set: ShareSetFile;
  /** One file per holder: a page to print, encrypted for this holder alone. */
  readonly sealed: readonly { readonly name: string; readonly content: Uint8Array }[];
  /** What the shares open the keyring by. Add it with Keyring.addSlot once the files are kept. */
  readonly opener: SlotOpener;
}

/**
 * Makes a secret and shares of it. The secret itself is wiped: only `threshold` of the shares bring it back.
 *
 * @throws ERR_OPTIONS for numbers that do not fit, ERR_BACKUP_RECIPIENT for a holder whose recipient is none, or stands twice
 */
export async function issueShares(threshold: number, holders: readonly Holder[]): Promise<IssuedShares> {
  checkRecipients(
    holders.map(({ recipient }) => recipient),
    'off',
  );
  if (holders.some(({ name }) => !/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u.test(name)))
    throw new FieldsealError('ERR_OPTIONS', 'the name of a holder is letters, digits, spaces, dots and dashes');
  const secret = SecretBytes.random(SECRET_BYTES);
  try {
    const { set, shares } = await splitSecret(secret, threshold, holders.length);
    try {
      const file: ShareSetFile = {
        format: 'fieldseal-shares/1',
        ...set,
        created: new Date().toISOString(),
        recipient: await identityToRecipient(shareIdentity(secret)),
        slot: null,
        active: null,
        holders: holders.map(({ name }, at) => ({
          index: at + 1,
          name,
          proof: proofDigest(shareProof(shares[at] as SecretBytes)),
        })),
      };
      const sealed = await Promise.all(
        holders.map(async ({ recipient }, at) => ({
          name: `share-${set.setId}-${at + 1}.html.age`,
          content: await sealText(shareSheet(shares[at] as SecretBytes, file), recipient),
        })),
      );
      return { set: file, sealed, opener: shareOpener(secret) };
    } finally {
      for (const share of shares) share.wipe();
    }
  } finally {
    secret.wipe();
  }
}
