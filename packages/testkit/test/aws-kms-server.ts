import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import {
  type FaultReplies,
  type HttpReply,
  type HttpRequest,
  type HttpService,
  startHttpService,
} from '../src/index.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Error names and their statuses as in the AWS KMS API Reference. */
const FAULTS: FaultReplies = {
  unavailable: error('KMSInternalException', 500),
  throttled: error('ThrottlingException'),
  denied: error('AccessDeniedException'),
  disabled: error('DisabledException'),
  notFound: error('NotFoundException'),
};

/** A stand-in for AWS KMS: its JSON 1.1 protocol, Encrypt and Decrypt, with AES-256-GCM whose AAD is the encryption context. */
export async function startAwsKms(keyIds: readonly string[]): Promise<HttpService> {
  const keys = new Map(keyIds.map((id) => [id, randomBytes(32)]));
  const answer = ({ headers, body }: HttpRequest): HttpReply => {
    if (headers.authorization?.startsWith('AWS4-HMAC-SHA256 ') !== true) return error('MissingAuthenticationToken');
    const input = JSON.parse(body) as {
      KeyId: string;
      Plaintext: string;
      CiphertextBlob: string;
      EncryptionContext?: Record<string, string>;
    };
    const key = keys.get(input.KeyId);
    if (key === undefined) return FAULTS.notFound;
    const context = Object.entries(input.EncryptionContext ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const aad = Buffer.from(JSON.stringify(context));
    if (headers['x-amz-target'] === 'TrentService.Encrypt') {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(aad);
      const sealed = [cipher.update(Buffer.from(input.Plaintext, 'base64')), cipher.final(), cipher.getAuthTag()];
      const blob = Buffer.concat([Buffer.from([1]), nonce, ...sealed]);
      return reply({ KeyId: input.KeyId, CiphertextBlob: blob.toString('base64') });
    }
    if (headers['x-amz-target'] !== 'TrentService.Decrypt') return error('UnknownOperationException');
    const blob = Buffer.from(input.CiphertextBlob, 'base64');
    if (blob.length > 6144) return error('ValidationException');
    if (blob.length < 1 + NONCE_BYTES + TAG_BYTES || blob[0] !== 1) return error('InvalidCiphertextException');
    const cipher = createDecipheriv('aes-256-gcm', key, blob.subarray(1, 1 + NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    cipher.setAAD(aad).setAuthTag(blob.subarray(-TAG_BYTES));
    try {
      const plain = Buffer.concat([cipher.update(blob.subarray(1 + NONCE_BYTES, -TAG_BYTES)), cipher.final()]);
      return reply({ KeyId: input.KeyId, Plaintext: plain.toString('base64') });
    } catch {
      return error('InvalidCiphertextException');
    }
  };
  return startHttpService(answer, FAULTS);
}

function reply(fields: Readonly<Record<string, string>>): HttpReply {
  const body = JSON.stringify({ ...fields, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
  return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body };
}

function error(type: string, status: number = 400): HttpReply {
  const body = JSON.stringify({ __type: type, message: 'The request was rejected.' });
  return { status, headers: { 'content-type': 'application/x-amz-json-1.1' }, body };
}
