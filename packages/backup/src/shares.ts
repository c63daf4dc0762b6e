/**
 * Secret shares for people: Shamir's scheme over GF(2^8) by the npm package shamir-secret-sharing, wrapped so that a wrong, damaged or missing
 * share is told. The scheme alone gives a wrong secret without an error then.
 *
 *     share = version(1) ‖ setId(8) ‖ threshold(1) ‖ count(1) ‖ index(1) ‖ raw(33) ‖ mac(16)
 *     macKey = HKDF-SHA256(secret, salt = setId, info = "fieldseal/v1/share-mac"), 32 bytes
 *     mac = first 16 bytes of HMAC-SHA256(macKey, all before it)
 *     commitment = SHA-256("fieldseal/v1/share-set" ‖ setId ‖ macKey)
 *
 * @module
 */
import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { FieldsealError, SecretBytes } from '@fieldseal/core';
import { combine, split } from 'shamir-secret-sharing';

/** Bytes of a secret that is shared. */
export const SECRET_BYTES = 32;

/** Bytes of a share. */
export const SHARE_BYTES = 61;

const VERSION = 1;
const ID_BYTES = 8;
const RAW_AT = 1 + ID_BYTES + 3;
const RAW_BYTES = SECRET_BYTES + 1;
const MAC_BYTES = 16;
const MAC_AT = RAW_AT + RAW_BYTES;

/** What may be known to all: it tells the shares of a set, and whether they give its secret. */
export interface ShareSet {
  /** 16 hexadecimal digits. */
  readonly setId: string;
  /** Shares that give the secret. */
  readonly threshold: number;
  /** Shares that were made. */
  readonly count: number;
  /** 64 hexadecimal digits. */
  readonly commitment: string;
}

/** What a share says of itself without any secret. */
export interface ShareLabel {
  readonly setId: string;
  readonly threshold: number;
  readonly count: number;
  /** 1 to `count`. */
  readonly index: number;
}

/**
 * Splits a secret of 32 bytes; borrowed. Each share is its holder's alone to keep, and the caller's to wipe.
 *
 * @param threshold - 2 or more: with 1 every holder could open it alone, for which recipients of the archive are there
 * @param count - `threshold` to 255
 * @throws ERR_OPTIONS for other numbers, ERR_KEY_INVALID for a secret of another length
 */
export async function splitSecret(
  secret: SecretBytes,
  threshold: number,
  count: number,
): Promise<{ readonly set: ShareSet; readonly shares: readonly SecretBytes[] }> {
  if (secret.length !== SECRET_BYTES)
    throw new FieldsealError('ERR_KEY_INVALID', `a secret for shares has ${SECRET_BYTES} bytes`);
  if (!(Number.isInteger(threshold) && Number.isInteger(count) && threshold >= 2 && count >= threshold && count <= 255))
    throw new FieldsealError('ERR_OPTIONS', 'shares are 2 to 255, of which 2 or more are needed', {
      hint: 'For holders who may each open it alone, make them recipients of the archive.',
    });
  const setId = randomBytes(ID_BYTES);
  const macKey = macKeyOf(secret.expose(), setId);
  const plain = Uint8Array.from(secret.expose()); // the package refuses Buffers
  const raws = await split(plain, count, threshold).finally(() => plain.fill(0));
  try {
    const shares = raws.map((raw, at) => {
      const body = Buffer.concat([Buffer.from([VERSION]), setId, Buffer.from([threshold, count, at + 1]), raw]);
      const share = Buffer.concat([body, macOf(macKey, body)]);
      body.fill(0);
      return SecretBytes.take(share);
    });
    return { set: { setId: setId.toString('hex'), threshold, count, commitment: commitmentOf(setId, macKey) }, shares };
  } finally {
    for (const raw of raws) raw.fill(0);
    macKey.fill(0);
  }
}

/**
 * Puts a secret together.
 *
 * @param shares - at least as many as the threshold; borrowed. Further ones are checked too.
 * @returns the secret, the caller's to wipe
 * @throws ERR_SHARES_MISSING when there are too few, ERR_SHARE naming the index of a share that is damaged, given twice or of another set; when
 * no combination is told to be right, all that can be said is that one of them is wrong
 */
export async function combineShares(shares: readonly SecretBytes[], set: ShareSet): Promise<SecretBytes> {
  const labels = shares.map(readLabel);
  for (const { setId, index, threshold, count } of labels) {
    if (setId !== set.setId || threshold !== set.threshold || count !== set.count)
      throw wrong(`share ${index} belongs to another set`);
    if (labels.filter((other) => other.index === index).length > 1) throw wrong(`share ${index} was given twice`);
  }
  if (shares.length < set.threshold)
    throw new FieldsealError(
      'ERR_SHARES_MISSING',
      `${set.threshold} shares are needed, and ${shares.length} were given`,
    );
  const setId = Buffer.from(set.setId, 'hex');
  for (const chosen of choices(shares.length, set.threshold)) {
    const secret = await combined(chosen.map((at) => shares[at] as SecretBytes));
    if (secret === null) continue;
    const macKey = macKeyOf(secret, setId);
    try {
      if (!timingSafeEqual(Buffer.from(commitmentOf(setId, macKey), 'hex'), Buffer.from(set.commitment, 'hex')))
        continue;
      const bad = labels.filter((_, at) => !hasMac(macKey, shares[at] as SecretBytes)).map(({ index }) => index);
      if (bad.length > 0) throw wrong(`share ${bad.join(', ')} is damaged; the others are right and enough`);
      return SecretBytes.copy(secret);
    } finally {
      secret.fill(0);
      macKey.fill(0);
    }
  }
  throw wrong('a share is damaged; with more shares than are needed it could be said which');
}

/** What a share says of itself. Throws ERR_SHARE when it is none. */
export function readLabel(share: SecretBytes): ShareLabel {
  const bytes = share.expose();
  const [threshold = 0, count = 0, index = 0] = bytes.subarray(1 + ID_BYTES, RAW_AT);
  if (
    bytes.length !== SHARE_BYTES ||
    bytes[0] !== VERSION ||
    threshold < 2 ||
    count < threshold ||
    index < 1 ||
    index > count
  )
    throw wrong('what was given is no share of this version');
  return { setId: Buffer.from(bytes.subarray(1, 1 + ID_BYTES)).toString('hex'), threshold, count, index };
}

/** Combinations that are tried when the first one gives another secret: enough to find one bad share among a few. */
const MOST_CHOICES = 200;

/** Sets of `size` places out of `count`, the first ones first. */
function* choices(count: number, size: number): Generator<readonly number[]> {
  const places = Array.from({ length: size }, (_, at) => at);
  for (let tries = 0; tries < MOST_CHOICES; tries++) {
    yield [...places];
    let at = size - 1;
    while (at >= 0 && places[at] === count - size + at) at--;
    if (at < 0) return;
    places[at] = (places[at] as number) + 1;
    for (let next = at + 1; next < size; next++) places[next] = (places[next - 1] as number) + 1;
  }
}

/** What shares give, right or not; null when they cannot belong together. */
async function combined(shares: readonly SecretBytes[]): Promise<Uint8Array | null> {
  const raws = shares.map((share) => Uint8Array.from(share.expose().subarray(RAW_AT, MAC_AT)));
  // The package refuses two shares of one place, which a damaged share may pretend to be.
  const places = new Set(raws.map((raw) => raw.at(-1)));
  try {
    return places.size < raws.length || places.has(0) ? null : await combine(raws);
  } finally {
    for (const raw of raws) raw.fill(0);
  }
}

function hasMac(macKey: Uint8Array, share: SecretBytes): boolean {
  const bytes = share.expose();
  return timingSafeEqual(macOf(macKey, bytes.subarray(0, MAC_AT)), bytes.subarray(MAC_AT));
}

function macKeyOf(secret: Uint8Array, setId: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, setId, 'fieldseal/v1/share-mac', 32));
}

function macOf(macKey: Uint8Array, body: Uint8Array): Buffer {
  return createHmac('sha256', macKey).update(body).digest().subarray(0, MAC_BYTES);
}

function commitmentOf(setId: Uint8Array, macKey: Uint8Array): string {
  return createHash('sha256').update('fieldseal/v1/share-set').update(setId).update(macKey).digest('hex');
}

function wrong(message: string): FieldsealError {
  return new FieldsealError('ERR_SHARE', message);
}
