import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

/** Values as other systems write them, made apart from the readers: their formats have known answers in packages/migrate. */
export interface ForeignValues {
  readonly pfeKey: string;
  pfe(text: string, key?: Buffer): string;
  readonly fernetKey: string;
  fernet(text: string): string;
  readonly lockboxKey: string;
  lockbox(text: string): Buffer;
}

export function foreignValues(): ForeignValues {
  const [pfe, fernet, lockbox] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const padded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  const configured = (key: Buffer): string => `k1.aesgcm256.${padded(key)}`;
  return {
    pfeKey: configured(pfe),
    pfe: (text, key = pfe) => {
      const { iv, sealed } = gcm(key, text);
      const print = createHash('sha256').update(configured(key)).digest('hex').slice(0, 8);
      return `v1.aesgcm256.${print}.${padded(iv)}.${padded(sealed)}`;
    },
    fernetKey: padded(fernet),
    fernet: (text) => {
      const iv = randomBytes(16);
      const cipher = createCipheriv('aes-128-cbc', fernet.subarray(16), iv);
      const head = Buffer.concat([Buffer.of(0x80), Buffer.alloc(8), iv, cipher.update(text), cipher.final()]);
      return padded(Buffer.concat([head, createHmac('sha256', fernet.subarray(0, 16)).update(head).digest()]));
    },
    lockboxKey: lockbox.toString('hex'),
    lockbox: (text) => {
      const { iv, sealed } = gcm(lockbox, text);
      return Buffer.concat([iv, sealed]);
    },
  };
}

function gcm(key: Buffer, text: string): { readonly iv: Buffer; readonly sealed: Buffer } {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  return { iv, sealed: Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]) };
}
