import { randomBytes } from 'node:crypto';
import { SecretBytes } from '@fieldseal/core';
import { expect, it } from 'vitest';
import { combineShares, readLabel, splitSecret } from '../src/index.ts';

const secretOf = () => SecretBytes.take(randomBytes(32));
const hexOf = (secret: SecretBytes) => Buffer.from(secret.expose()).toString('hex');
const altered = (share: SecretBytes, at: number) => {
  const bytes = Buffer.from(share.expose());
  bytes[at] = (bytes[at] as number) ^ 1;
  return SecretBytes.take(bytes);
};
const code = (wanted: string) => expect.objectContaining({ code: wanted });

it.each([
  [2, 2],
  [2, 3],
  [3, 5],
  [5, 5],
])('%d of %d shares give the secret, whichever they are', async (threshold, count) => {
  const secret = secretOf();
  const { set, shares } = await splitSecret(secret, threshold, count);
  for (let first = 0; first + threshold <= count; first++) {
    const some = shares.slice(first, first + threshold).reverse();
    expect(hexOf(await combineShares(some, set))).toBe(hexOf(secret));
  }
  expect(hexOf(await combineShares(shares, set))).toBe(hexOf(secret));
  expect(shares.map(readLabel).map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, at) => at + 1));
});

it('tells too few shares, one given twice and one of another set', async () => {
  const secret = secretOf();
  const [one, other] = [await splitSecret(secret, 3, 5), await splitSecret(secret, 3, 5)];
  const [a, b, c] = one.shares as [SecretBytes, SecretBytes, SecretBytes];
  await expect(combineShares([a, b], one.set)).rejects.toEqual(code('ERR_SHARES_MISSING'));
  await expect(combineShares([a, b, b], one.set)).rejects.toEqual(code('ERR_SHARE'));
  await expect(combineShares([a, b, other.shares[2] as SecretBytes], one.set)).rejects.toEqual(code('ERR_SHARE'));
  await expect(combineShares([a, b, c], { ...one.set, commitment: other.set.commitment })).rejects.toEqual(
    code('ERR_SHARE'),
  );
});

it('refuses every changed bit of a share', async () => {
  const { set, shares } = await splitSecret(secretOf(), 2, 3);
  const [a, b] = shares as [SecretBytes, SecretBytes];
  for (let at = 0; at < a.length; at++) {
    await expect(combineShares([altered(a, at), b], set)).rejects.toMatchObject({ name: 'FieldsealError' });
  }
});

it('names the damaged share when there are more than are needed', async () => {
  const { set, shares } = await splitSecret(secretOf(), 2, 4);
  const [a, b, c] = shares as [SecretBytes, SecretBytes, SecretBytes];
  for (const given of [
    [altered(a, 20), b, c],
    [b, altered(a, 20), c],
    [b, c, altered(a, 20)],
  ])
    await expect(combineShares(given, set)).rejects.toMatchObject({
      code: 'ERR_SHARE',
      message: expect.stringContaining('share 1 is damaged'),
    });
});

it.each([
  [1, 3],
  [0, 3],
  [4, 3],
  [2, 256],
  [2.5, 5],
])('refuses %d of %d', async (threshold, count) => {
  await expect(splitSecret(secretOf(), threshold, count)).rejects.toEqual(code('ERR_OPTIONS'));
});

it('refuses a secret of another length', async () => {
  await expect(splitSecret(SecretBytes.take(randomBytes(31)), 2, 3)).rejects.toEqual(code('ERR_KEY_INVALID'));
});
