/**
 * The report of a job that has ended: what was there before and after, signed, so that it can be shown to somebody who has only the public
 * key. The Ed25519 key (RFC 8032) comes from the keyring: its seed is an index key of a model without a name, which no schema can have.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { concat, fromBase64Url, fromHex, toBase64Url, utf8 } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import type { IndexRoot } from '../keyring/key-view.ts';
import type { JobCounts, JobKind } from './job.ts';
import type { CensusLine } from './row-source.ts';

/** Bytes of an Ed25519 key in PKCS #8 and SubjectPublicKeyInfo before the key itself (RFC 8410). */
const PRIVATE_HEAD = fromHex('302e020100300506032b657004220420') as Uint8Array;
const PUBLIC_HEAD = fromHex('302a300506032b6570032100') as Uint8Array;
/** Signed in front of the report: domain separation. */
const CONTEXT = 'fieldseal/v1/job-report\n';

/** What a job has done. It names fields, keys and counts, and no value. */
export interface CompletionReport {
  readonly format: 'fieldseal-job-report/1';
  readonly job: string;
  readonly kind: JobKind;
  readonly model: string;
  readonly fields: readonly string[];
  /** Key id that cells were written under, or null. */
  readonly target: string | null;
  /** Share of the rows that were opened, by `verify`. */
  readonly sample: number;
  /** Times of the database's clock (ISO 8601). */
  readonly started: string;
  readonly ended: string;
  readonly counts: JobCounts;
  /** Quarantined values by field and code. */
  readonly quarantine: readonly { readonly field: string; readonly code: string; readonly rows: number }[];
  readonly census: { readonly before: readonly CensusLine[]; readonly after: readonly CensusLine[] };
  /** Digests of the columns that no job writes, where they were asked for. They are equal if nobody else wrote meanwhile. */
  readonly fingerprint: { readonly before: string; readonly after: string } | null;
}

/** A report with its signature. */
export interface SignedReport {
  readonly report: CompletionReport;
  /** Public key, 32 bytes in base64url: compare it with one that you know from elsewhere. */
  readonly publicKey: string;
  /** 64 bytes in base64url, over a label and the report as JSON without spaces. */
  readonly signature: string;
}

/** Signs a report with the key of a keyring. */
export function signReport(report: CompletionReport, root: IndexRoot): SignedReport {
  const key = signingKey(root);
  return {
    report,
    publicKey: publicKeyOf(key),
    signature: toBase64Url(sign(null, signedBytes(report), key)),
  };
}

/** The public key that the reports of a keyring are signed with, 32 bytes in base64url. A new index key has a new one. */
export function reportPublicKey(root: IndexRoot): string {
  return publicKeyOf(signingKey(root));
}

/**
 * Checks a report against a public key that is known from elsewhere; the one in the report proves nothing.
 *
 * @throws ERR_JOB_REPORT when it was changed or signed with another key
 */
export function verifyReport({ report, publicKey, signature }: SignedReport, known: string): CompletionReport {
  const bytes = fromBase64Url(known);
  const given = fromBase64Url(signature);
  const wrong = (): FieldsealError => new FieldsealError('ERR_JOB_REPORT', 'the signature of a report does not fit');
  if (bytes?.length !== 32 || given === null || publicKey !== known) throw wrong();
  const key = createPublicKey({ key: Buffer.from(concat(PUBLIC_HEAD, bytes)), format: 'der', type: 'spki' });
  if (verify(null, signedBytes(report), key, given)) return report;
  throw wrong();
}

function signingKey(root: IndexRoot): KeyObject {
  const der = Buffer.from(concat(PRIVATE_HEAD, root.indexKey('', 'job-report', 'ed25519').expose()));
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

function publicKeyOf(key: KeyObject): string {
  return toBase64Url(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
}

function signedBytes(report: CompletionReport): Uint8Array {
  return utf8(CONTEXT + JSON.stringify(report));
}
