/**
 * The PEM form `TSS2 PRIVATE KEY` of a sealed object, which tpm2-tools, OpenSSL providers and others read too. Policies stand in the slot
 * instead of in the optional fields here: stock tools refuse a file that has them.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import { sized, u32 } from './bytes.ts';
import type { CreatedObject } from './commands/objects.ts';
import { HANDLE } from './constants.ts';
import { derElement, derElements } from './der.ts';

/** A sealed object outside the TPM. */
export interface KeyFile extends CreatedObject {
  /** Whether no PIN is asked for. */
  readonly emptyAuth: boolean;
  /** Handle of the parent: the owner hierarchy stands for its standard storage root key. */
  readonly parent: number;
}

const TAG = { boolean: 0x01, integer: 0x02, octets: 0x04, oid: 0x06, sequence: 0x30, emptyAuth: 0xa0 } as const;

/** 2.23.133.10.1.5 */
const SEALED_DATA = Buffer.from('6781050a0105', 'hex');
/** 2.23.133.10.1.3, loadable key: older tools write it for sealed data too. */
const LOADABLE = Buffer.from('6781050a0103', 'hex');

const LABEL = 'TSS2 PRIVATE KEY';
const LONGEST = 8192;

/** The PEM text of a sealed object. */
export function encodeKeyFile({ emptyAuth, parent, publicArea, private: wrapped }: KeyFile): string {
  const body = derElement(
    TAG.sequence,
    Buffer.concat([
      derElement(TAG.oid, SEALED_DATA),
      ...(emptyAuth ? [derElement(TAG.emptyAuth, derElement(TAG.boolean, Buffer.from([0xff])))] : []),
      derElement(TAG.integer, integerOf(parent)),
      derElement(TAG.octets, sized(publicArea)),
      derElement(TAG.octets, sized(wrapped)),
    ]),
  );
  const lines = body.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${LABEL}-----`, ...lines, `-----END ${LABEL}-----`, ''].join('\n');
}

/**
 * Reads the PEM text of a sealed object.
 *
 * @throws ERR_TPM_BLOB_INVALID
 */
export function decodeKeyFile(text: string): KeyFile {
  const pem = new RegExp(`^\\s*-----BEGIN ${LABEL}-----([A-Za-z0-9+/=\\s]+)-----END ${LABEL}-----\\s*$`).exec(text);
  if (text.length > LONGEST || pem === null) throw invalid('it is no TSS2 PRIVATE KEY');
  const outer = derElements(Buffer.from((pem[1] as string).replace(/\s/g, ''), 'base64'));
  if (outer?.length !== 1 || outer[0]?.tag !== TAG.sequence) throw invalid('it is not one sequence');
  const fields = derElements(outer[0].content) ?? [];
  const [kind, ...rest] = fields;
  if (kind?.tag !== TAG.oid || !(kind.content.equals(SEALED_DATA) || kind.content.equals(LOADABLE)))
    throw invalid('it holds no sealed data');
  const flag = rest[0]?.tag === TAG.emptyAuth ? rest.shift() : undefined;
  const [parent, publicArea, wrapped, ...more] = rest;
  const [tags, expected] = [
    [parent, publicArea, wrapped].map((field) => field?.tag),
    [TAG.integer, TAG.octets, TAG.octets],
  ];
  if (more.length > 0 || tags.some((tag, at) => tag !== expected[at])) throw invalid('its fields are others');
  return {
    emptyAuth: flag !== undefined && isTrue(flag.content),
    parent: handleOf(parent?.content as Buffer),
    publicArea: unsized(publicArea?.content as Buffer),
    private: unsized(wrapped?.content as Buffer),
  };
}

function isTrue(content: Buffer): boolean {
  const [value, ...more] = derElements(content) ?? [];
  const byte = value?.content[0];
  const sound = more.length === 0 && value?.tag === TAG.boolean && value.content.length === 1;
  if (!sound || (byte !== 0 && byte !== 0xff)) throw invalid('a truth value in it is none');
  return byte === 0xff;
}

/** A positive number may not begin with a set bit. */
function integerOf(handle: number): Buffer {
  const bytes = u32(handle);
  return (bytes[0] as number) & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes;
}

function handleOf(content: Buffer): number {
  const digits = content.length === 5 && content[0] === 0 ? content.subarray(1) : content;
  const handle = digits.length === 4 ? digits.readUInt32BE() : 0;
  const kind = handle >>> 24;
  if (handle !== HANDLE.OWNER && kind !== 0x81)
    throw invalid('its parent is neither the owner hierarchy nor persistent');
  return handle;
}

function unsized(content: Buffer): Buffer {
  if (content.length < 3 || content.readUInt16BE() !== content.length - 2) throw invalid('a length in it is wrong');
  return content.subarray(2);
}

function invalid(how: string): FieldsealError {
  return new FieldsealError('ERR_TPM_BLOB_INVALID', `the sealed key of a TPM slot is damaged: ${how}`);
}
