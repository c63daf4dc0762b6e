import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  randomFillSync,
} from 'node:crypto';
import { type Codec, single } from './codec.ts';

const TAG = 16;

/**
 * AEADs of node:crypto as well as they can be used: a KeyObject, nonces from a pool, one buffer per message, base64url text. Without
 * headers, key ids and checks of the stored text, which ours has.
 */
export function nodeCodec(algorithm: 'aes-256-gcm' | 'chacha20-poly1305'): Codec {
  const key = createSecretKey(randomBytes(32));
  const pool = Buffer.alloc(12 * 512);
  let used = pool.length;
  const options = { authTagLength: TAG } as const;
  // One overload of node's for each algorithm: they take the same.
  const name = algorithm as 'aes-256-gcm';
  return single(
    (text) => {
      if (used === pool.length) {
        randomFillSync(pool);
        used = 0;
      }
      const nonce = pool.subarray(used, used + 12);
      used += 12;
      const cipher = createCipheriv(name, key, nonce, options);
      const body = cipher.update(text, 'utf8');
      cipher.final();
      const cell = Buffer.allocUnsafe(12 + body.length + TAG);
      cell.set(nonce, 0);
      cell.set(body, 12);
      cell.set(cipher.getAuthTag(), 12 + body.length);
      return cell.toString('base64url');
    },
    (stored: string) => {
      const cell = Buffer.from(stored, 'base64url');
      const decipher = createDecipheriv(name, key, cell.subarray(0, 12), options);
      decipher.setAuthTag(cell.subarray(cell.length - TAG));
      const text = decipher.update(cell.subarray(12, cell.length - TAG));
      decipher.final();
      return text.toString('utf8');
    },
  );
}

/** HMAC-SHA256 of node:crypto with a KeyObject: what a blind index costs at least when it is made value by value. */
export function nodeHmac(): Codec {
  const key = createSecretKey(randomBytes(32));
  return { batches: [1], index: (texts) => texts.map((text) => createHmac('sha256', key).update(text).digest('hex')) };
}
