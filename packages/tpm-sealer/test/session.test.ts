import {
  constants,
  createECDH,
  createHash,
  createHmac,
  type ECDH,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  createPrimary,
  createSealed,
  load,
  nameOf,
  OBJECT,
  Reader,
  type SaltKey,
  Session,
  SRK_TEMPLATE,
  sealedTemplate,
  sized,
  Tpm,
  TpmRcError,
  u16,
  u32,
  unseal,
} from '../src/client.ts';
import { codeOf, operate, startTpm } from './harness.ts';

const NONCE = Buffer.alloc(32, 9);
const AES_CFB = Buffer.from('000600800043', 'hex');

/** A salt key with this public area, and the command that starts a session with it. */
async function start(publicArea: Buffer): Promise<{ session: Session; sent: Reader }> {
  let command = Buffer.alloc(0);
  const tpm = new Tpm({
    label: 'scripted',
    transmit: async (bytes) => {
      command = Buffer.from(bytes);
      const body = Buffer.concat([u32(0x03000000), sized(NONCE)]);
      return Buffer.concat([u16(0x8001), u32(10 + body.length), u32(0), body]);
    },
    close: async () => {},
  });
  const key: SaltKey = { handle: 0x81000001, publicArea, name: nameOf(publicArea) };
  const session = await Session.start(tpm, 'hmac', key);
  return { session, sent: new Reader(command.subarray(18)) };
}

/** Checks that a session has the key that follows from the salt, by the code that it puts on a command. */
function expectKey(session: Session, nonceCaller: Buffer, salt: Buffer): void {
  const label = Buffer.from('ATH\0');
  const key = createHmac('sha256', salt)
    .update(Buffer.concat([u32(1), label, NONCE, nonceCaller, u32(256)]))
    .digest();
  const { area } = session.use().authorize({ command: 'Unseal', names: [], params: Buffer.alloc(0) });
  const reader = new Reader(area.subarray(4));
  const [fresh, attributes, code] = [reader.sized(), reader.u8(), reader.sized()];
  const cpHash = createHash('sha256').update(u32(0x15e)).digest();
  const expected = createHmac('sha256', key)
    .update(Buffer.concat([cpHash, fresh, NONCE, Buffer.from([attributes])]))
    .digest();
  expect(code.toString('hex')).toBe(expected.toString('hex'));
}

function eccArea(x: Buffer, y: Buffer): Buffer {
  const head = Buffer.concat([u16(0x23), u16(0x0b), u32(0x30472), u16(0), AES_CFB, u16(0x10), u16(3), u16(0x10)]);
  return Buffer.concat([head, sized(x), sized(y)]);
}

/** A key with a coordinate that begins with a zero byte, of which there is one in 128. */
function keyWithShortCoordinate(at: 1 | 33): ECDH {
  for (;;) {
    const key = createECDH('prime256v1');
    key.generateKeys();
    if (key.getPublicKey()[at] === 0) return key;
  }
}

describe('the secret of a session', () => {
  it.each([1, 33] as const)('is right for a coordinate without its leading zero (byte %i)', async (at) => {
    const key = keyWithShortCoordinate(at);
    const point = key.getPublicKey();
    const [x, y] = [point.subarray(1, 33), point.subarray(33)];
    const bare = (coordinate: Buffer) => (coordinate[0] === 0 ? coordinate.subarray(1) : coordinate);
    const { session, sent } = await start(eccArea(bare(x), bare(y)));
    const nonceCaller = sent.sized();
    const ephemeral = new Reader(sent.sized());
    const [ownX, ownY] = [ephemeral.sized(), ephemeral.sized()];
    const shared = key.computeSecret(Buffer.concat([Buffer.from([4]), ownX, ownY]));
    const salt = createHash('sha256')
      .update(Buffer.concat([u32(1), shared, Buffer.from('SECRET\0'), ownX, x]))
      .digest();
    expectKey(session, nonceCaller, salt);
  });

  it.each([0, 65537])('goes to an RSA key by OAEP (exponent %i)', async (exponent) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const modulus = Buffer.from(String(publicKey.export({ format: 'jwk' }).n), 'base64url');
    const head = Buffer.concat([u16(1), u16(0x0b), u32(0x30472), u16(0), AES_CFB, u16(0x10), u16(2048), u32(exponent)]);
    const { session, sent } = await start(Buffer.concat([head, sized(modulus)]));
    const nonceCaller = sent.sized();
    expectKey(session, nonceCaller, decrypted(privateKey, sent.sized()));
  });

  it.each<[string, Buffer]>([
    [
      'a key on another curve',
      Buffer.concat([eccArea(Buffer.alloc(1), Buffer.alloc(1)).subarray(0, 18), u16(4), u16(0x10), u16(0), u16(0)]),
    ],
    ['sealed data', sealedTemplate(0x452, Buffer.alloc(0))],
  ])('has no way to %s', async (_, area) => {
    expect(await codeOf(start(area))).toBe('ERR_TPM_ENCRYPTION_UNSUPPORTED');
  });

  it('does not go to a point that is none', async () => {
    expect(await codeOf(start(eccArea(Buffer.alloc(32, 1), Buffer.alloc(32, 1))))).toBe('ERR_TPM_IO');
  });
});

describe('authorisation values', () => {
  it.each(['00', 'aa00', 'aa0000', '00aa', '00000000'])(
    '%s: a TPM drops zeros at the end, and so does the session',
    async (hex) => {
      const tpm = await startTpm();
      const authValue = Buffer.from(hex, 'hex');
      const secret = Buffer.from('a secret');
      const attributes = OBJECT.FIXED_TPM | OBJECT.FIXED_PARENT | OBJECT.NO_DA | OBJECT.USER_WITH_AUTH;
      const open = (value: Buffer) =>
        operate(tpm, async (session) => {
          const root = await createPrimary(session, SRK_TEMPLATE);
          const hmac = await Session.start(session, 'hmac', root);
          const template = sealedTemplate(attributes, Buffer.alloc(0));
          const object = await createSealed(session, root, hmac.use({ encryptCommand: true }), {
            secret,
            authValue,
            template,
          });
          return unseal(session, await load(session, root, object), hmac.use({ authValue: value, encryptReply: true }));
        });
      expect(await open(authValue)).toEqual(secret);
      await expect(open(Buffer.from('bb', 'hex'))).rejects.toThrow(TpmRcError);
    },
  );
});

function decrypted(key: KeyObject, encrypted: Buffer): Buffer {
  const oaep = { oaepHash: 'sha256', oaepLabel: Buffer.from('SECRET\0'), padding: constants.RSA_PKCS1_OAEP_PADDING };
  return privateDecrypt({ key, ...oaep }, encrypted);
}
