import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { kdfa, kdfe } from '../src/client/kdf.ts';
import {
  afterAuthorize,
  afterAuthValue,
  afterCounterAtMost,
  afterPcr,
  approvalDigest,
  createPrimary,
  EMPTY_POLICY,
  loadExternal,
  nameOf,
  nvDefineCounter,
  nvIncrement,
  nvReadCounter,
  nvReadPublic,
  pcrExtend,
  pcrRead,
  policyAuthorize,
  policyAuthValue,
  policyCounterAtMost,
  policyGetDigest,
  policyPcr,
  Session,
  SRK_TEMPLATE,
  type Tpm,
  verifySignature,
} from '../src/client.ts';
import { signPcrValues } from '../src/index.ts';
import { signerPublic } from '../src/sealer/policy-step.ts';
import { operate, startTpm } from './harness.ts';

/** Runs in a policy session of a TPM and gives the digest that it has then. */
async function digestIn(steps: (tpm: Tpm, session: Session) => Promise<void>): Promise<string> {
  const tpm = await startTpm();
  return operate(tpm, async (session) => {
    const policy = await Session.start(session, 'policy', await createPrimary(session, SRK_TEMPLATE));
    await steps(session, policy);
    return (await policyGetDigest(session, policy)).toString('hex');
  });
}

describe('digests computed here are those of a TPM', () => {
  it.each([[[7]], [[0, 1, 7, 16, 23]], [[7, 4]]])('PolicyPCR of %j', async (pcrs) => {
    let expected = '';
    const digest = await digestIn(async (tpm, session) => {
      await pcrExtend(tpm, 7, Buffer.alloc(32, 7));
      const ascending = [...pcrs].sort((a, b) => a - b);
      const values = await pcrRead(tpm, ascending);
      expected = afterPcr(
        EMPTY_POLICY,
        ascending,
        ascending.map((pcr) => values.get(pcr) as Buffer),
      ).toString('hex');
      await policyPcr(tpm, session, pcrs);
    });
    expect(digest).toBe(expected);
  });

  it('PolicyAuthorize', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const area = signerPublic(publicKey.export({ type: 'spki', format: 'der' }));
    const ref = 'fleet 7';
    const digest = await digestIn(async (tpm, session) => {
      const values = await pcrRead(tpm, [7]);
      const signed = signPcrValues(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), values, ref);
      const key = await loadExternal(tpm, area);
      const policy = Buffer.from(signed.policy, 'hex');
      const ticket = await verifySignature(
        tpm,
        key,
        approvalDigest(policy, Buffer.from(ref)),
        Buffer.from(signed.signature, 'base64url'),
      );
      await policyPcr(tpm, session, [7]);
      await policyAuthorize(tpm, session, { policy, ref: Buffer.from(ref), keyName: key.name, ticket });
    });
    expect(digest).toBe(afterAuthorize(nameOf(area), Buffer.from(ref)).toString('hex'));
  });

  it('PolicyNV and PolicyAuthValue', async () => {
    const index = 0x01800042;
    let expected = '';
    const digest = await digestIn(async (tpm, session) => {
      await nvDefineCounter(tpm, index);
      const unwritten = await nvReadPublic(tpm, index);
      await nvIncrement(tpm, unwritten);
      const counter = await nvReadPublic(tpm, index);
      expect(counter.name).not.toEqual(unwritten.name);
      const ceiling = (await nvReadCounter(tpm, counter)) + 3n;
      await policyCounterAtMost(tpm, session, counter, ceiling);
      await policyAuthValue(tpm, session);
      expected = afterAuthValue(afterCounterAtMost(EMPTY_POLICY, counter.name, ceiling)).toString('hex');
    });
    expect(digest).toBe(expected);
  });

  it('a counter above the ceiling does not pass', async () => {
    const index = 0x01800042;
    const attempt = digestIn(async (tpm, session) => {
      await nvDefineCounter(tpm, index);
      await nvIncrement(tpm, await nvReadPublic(tpm, index));
      const counter = await nvReadPublic(tpm, index);
      await policyCounterAtMost(tpm, session, counter, (await nvReadCounter(tpm, counter)) - 1n);
    });
    await expect(attempt).rejects.toMatchObject({ rc: 0x126 });
  });
});

describe('key derivations', () => {
  // Computed with Python's hmac and hashlib from the formulas of part 1.
  it('KDFa', () => {
    const key = kdfa(Buffer.alloc(32, 1), 'ATH', Buffer.alloc(32, 2), Buffer.alloc(32, 3), 256);
    expect(key.toString('hex')).toBe('d61e4115d0e81cb1945ebb5d9b419bee7a4ee232e491f18649e90032a4af1aaa');
    expect(kdfa(Buffer.alloc(32, 1), 'CFB', Buffer.alloc(4, 2), Buffer.alloc(4, 3), 384).toString('hex')).toBe(
      'eaf8ba896582e206a76213a8b07343d9ab435dc4c23c12632a86fdabb45300c4b511abaf546e3f1c50495e8d4f3363df',
    );
  });

  it('KDFe', () => {
    const key = kdfe(Buffer.alloc(32, 1), 'SECRET', Buffer.alloc(32, 2), Buffer.alloc(32, 3));
    expect(key.toString('hex')).toBe('e1619cfe448bd19480b151fd69fd170a7d15fc3627e3bafe0a01c25783fca2fc');
  });
});
