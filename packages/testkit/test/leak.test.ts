import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import {
  blindIndexTerm,
  type Channels,
  createKeyring,
  defineIndex,
  FieldCipher,
  type FieldSpec,
  fileKeyStore,
  formatRawKey,
  formatRecoveryKey,
  generateRawKey,
  type Keyring,
  keyringFile,
  keyringMemory,
  memoryKeyStore,
  openKeyring,
  parseRawKey,
  parseRecoveryKey,
  passphrase,
  rawKey,
  recoveryKey,
  SecretBytes,
  VALUE_TYPES,
} from '@fieldseal/core';
import { deriveFieldKey, deriveIndexKey, unwrapKey } from '@fieldseal/core/internal';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newCanary } from '../src/plaintext-scan/canary.ts';
import { scanBytes, scanFiles } from '../src/plaintext-scan/scan.ts';

const CHANNELS: readonly (keyof Channels)[] = [
  'fieldseal:cache',
  'fieldseal:cipher',
  'fieldseal:failure',
  'fieldseal:keyring',
  'fieldseal:wear',
];
const WORDS = newCanary('words');
const VALUE = newCanary('value');

let folder = '';
let seen: unknown[] = [];
const listen = (event: unknown): void => void seen.push(event);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-leak-'));
  seen = [];
  for (const channel of CHANNELS) subscribe(channel, listen);
});

afterEach(async () => {
  for (const channel of CHANNELS) unsubscribe(channel, listen);
  await rm(folder, { recursive: true });
});

/** Every way in which an object might be written to a log. */
function written(object: unknown): string {
  const error =
    object instanceof Error
      ? [object.message, object.stack, String(object), inspect(object.cause, { depth: null })]
      : [];
  const shown = inspect(object, {
    depth: null,
    showHidden: true,
    getters: true,
    maxArrayLength: null,
    maxStringLength: null,
  });
  const oneLine = shown.replaceAll(/\s+/g, ' '); // util.inspect breaks lists of numbers into lines
  return [
    ...error,
    shown,
    oneLine,
    JSON.stringify(object),
    JSON.stringify({ ...(object as object) }),
    String(object),
  ].join('\n');
}

/** Bytes as they might show up: the scanner looks for text, so each spelling of the bytes is a text to look for. */
function spellings(secret: Uint8Array): string[] {
  const bytes = Buffer.from(secret);
  const listed = [...bytes.subarray(0, 8)];
  return [
    bytes.toString('hex'),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('latin1'),
    listed.join(', '),
    listed.join(','),
    listed.map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
  ];
}

function expectNothingOf(secrets: readonly string[], text: string): void {
  expect(text.length).toBeGreaterThan(0);
  for (const secret of secrets) expect(text.includes(secret)).toBe(false);
  const long = secrets.filter((secret) => Buffer.byteLength(secret) >= 8);
  expect(scanBytes(Buffer.from(text), long)).toEqual([]);
}

async function errorOf(work: () => unknown): Promise<Error> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}

interface Ring {
  readonly keyring: Keyring;
  readonly path: string;
  readonly secrets: readonly string[];
  readonly recovery: SecretBytes;
}

async function newRing(): Promise<Ring> {
  const [key, path] = [generateRawKey(), join(folder, 'keyring.json')];
  const { keyring, recovery } = await createKeyring({
    storage: keyringFile(path),
    openers: [rawKey(key), passphrase(WORDS, { logN: 14 })],
    keyStore: fileKeyStore(join(folder, 'keys.json')),
  });
  const view = await keyring.resolve('');
  const derived = [view.primary.fieldKey('User', 'email'), view.indexRoot.indexKey('User', 'email', 'eq')];
  const secrets = [
    WORDS,
    formatRawKey(key),
    formatRecoveryKey(recovery),
    formatRecoveryKey(recovery).replaceAll('-', ''),
    ...[key, recovery, ...derived].flatMap((secret) => spellings(secret.expose())),
  ];
  return { keyring, path, secrets, recovery };
}

function spec(type: FieldSpec['type'] = 'String'): FieldSpec {
  return {
    model: 'User',
    field: 'email',
    context: { model: 'User', field: 'email' },
    column: 'String',
    type,
    pad: null,
  };
}

describe('the check itself', () => {
  it('finds a key in each spelling, and a value in an error', () => {
    const key = SecretBytes.take(Uint8Array.from({ length: 32 }, (_, at) => 200 - at));
    const secrets = spellings(key.expose());
    for (const leak of [
      { key: key.expose() },
      new Error(Buffer.from(key.expose()).toString('hex')),
      [...key.expose()],
    ]) {
      expect(() => expectNothingOf(secrets, written(leak))).toThrow();
    }
    for (const leak of [
      new Error(`invalid: ${VALUE}`),
      new Error('no', { cause: { VALUE } }),
      { value: Buffer.from(VALUE).toString('base64') },
    ]) {
      expect(() => expectNothingOf([VALUE], written(leak))).toThrow();
    }
  });
});

describe('no error holds a value', () => {
  const cipher = new FieldCipher();

  it('that was to be encrypted', async () => {
    const { keyring } = await newRing();
    const view = await keyring.resolve('');
    const circular: Record<string, unknown> = { [VALUE]: VALUE };
    circular[`${VALUE}2`] = circular;
    const bad: readonly (readonly [FieldSpec['type'], unknown])[] = [
      ...VALUE_TYPES.filter((type) => type !== 'String' && type !== 'Json').map((type) => [type, VALUE] as const),
      ['String', `${VALUE}\ud800`],
      ['String', { VALUE }],
      ['String', Buffer.from(VALUE)],
      ['Json', circular],
      ['Json', { [VALUE]: 1n }],
      [
        'Json',
        {
          toJSON: () => {
            throw new Error(VALUE);
          },
        },
      ],
      ['Decimal', { toFixed: () => VALUE }],
    ];
    for (const [type, value] of bad) {
      const error = await errorOf(() => cipher.encrypt(view, [{ spec: spec(type), value, binding: null }]));
      expectNothingOf([VALUE], written(error));
      const indexed = defineIndex({ model: 'User', column: 'emailIndex', name: 'eq', sources: [spec(type)] });
      expectNothingOf([VALUE], written(await errorOf(() => blindIndexTerm(view.indexRoot, indexed, value))));
    }
    expectNothingOf([VALUE], written(seen));
  });

  it('that was stored', async () => {
    const { keyring } = await newRing();
    const view = await keyring.resolve('');
    for (const stored of [
      VALUE,
      `fs1:${VALUE}`,
      Buffer.from(VALUE),
      { VALUE },
      `fs1:${Buffer.from(VALUE.repeat(3)).toString('base64url')}`,
    ]) {
      expectNothingOf([VALUE], written(await errorOf(() => cipher.parse([{ spec: spec(), stored, binding: null }]))));
    }
    const [cell] = cipher.encrypt(view, [{ spec: spec(), value: VALUE, binding: [['id', VALUE]] }]) as [string];
    const wrong = [
      { spec: spec(), stored: cell, binding: [['id', `${VALUE}2`]] as const },
      { spec: spec('Int'), stored: cell, binding: [['id', VALUE]] as const },
    ];
    for (const field of wrong) {
      const error = await errorOf(() => cipher.decrypt(view, cipher.parse([field])));
      expectNothingOf([VALUE, cell, cell.slice(20)], written(error));
    }
    expectNothingOf([VALUE, cell.slice(20)], written(seen));
    expect(seen.length).toBeGreaterThan(5);
  });
});

describe('no key shows', () => {
  it('in the files of a keyring and of a key store', async () => {
    const { keyring, secrets, recovery } = await newRing();
    await keyring.addScope('acme');
    await keyring.rotate('acme');
    await keyring.addSlot(rawKey(generateRawKey()), recoveryKey(recovery));
    const texts = secrets.filter((secret) => Buffer.byteLength(secret) >= 8);
    expect(await scanFiles([folder], texts)).toEqual([]);
  });

  it('when anything that holds keys is written out', async () => {
    const { keyring, secrets } = await newRing();
    const view = await keyring.resolve('');
    const description = await keyring.describe();
    for (const object of [
      keyring,
      view,
      view.primary,
      view.indexRoot,
      view.keys,
      description,
      passphrase(WORDS),
      new FieldCipher(),
      structuredClone(description),
    ]) {
      expectNothingOf(secrets, written(object));
    }
  });

  it('in what a keyring publishes', async () => {
    const { keyring, secrets, recovery } = await newRing();
    await keyring.rotate();
    await keyring.addSlot(rawKey(generateRawKey()), recoveryKey(recovery));
    keyring.close();
    expect(seen.length).toBeGreaterThan(5);
    expectNothingOf(secrets, written(seen));
  });

  it('in the errors of opening and changing a keyring', async () => {
    const { keyring, path, secrets, recovery } = await newRing();
    const storage = keyringFile(path);
    const typed = formatRecoveryKey(recovery);
    const attempts: (() => unknown)[] = [
      () => openKeyring({ storage, openers: [passphrase(`${WORDS}2`)] }),
      () => openKeyring({ storage, openers: [rawKey(generateRawKey())] }),
      () => openKeyring({ storage: keyringMemory(`{"${WORDS}": `), openers: [passphrase(WORDS)] }),
      () => openKeyring({ storage: keyringMemory(WORDS), openers: [passphrase(WORDS)] }),
      () => passphrase(WORDS.slice(0, 11)),
      () => parseRecoveryKey(`${typed.slice(0, -1)}${typed.endsWith('0') ? '1' : '0'}`),
      () => parseRawKey(`${formatRawKey(generateRawKey())}x`),
      () => parseRawKey(WORDS),
      () => keyring.addSlot(passphrase(WORDS, { logN: 14 }), rawKey(generateRawKey())),
      () => keyring.disable('0123456789abcdef'),
      () => createKeyring({ storage, openers: [passphrase(WORDS, { logN: 14 })], keyStore: memoryKeyStore() }),
      () => unwrapKey(recovery, new Uint8Array(73), new Uint8Array(0)),
    ];
    for (const attempt of attempts) expectNothingOf([...secrets, WORDS.slice(0, 11)], written(await errorOf(attempt)));
  });

  it('in the error of a file that was given by mistake', async () => {
    const path = join(folder, 'wrong.env');
    await writeFile(path, `${WORDS}\n`);
    for (const attempt of [
      () => openKeyring({ storage: keyringFile(path), openers: [rawKey(generateRawKey())] }),
      () => fileKeyStore(path).load(''),
    ]) {
      expectNothingOf([WORDS, WORDS.slice(0, 8)], written(await errorOf(attempt)));
    }
  });

  it('in derived keys that are written out', () => {
    const dek = generateRawKey();
    for (const key of [dek, deriveFieldKey(dek, 0x11, 'User', 'email'), deriveIndexKey(dek, 'User', 'email', 'eq')]) {
      expectNothingOf(spellings(key.expose()), written(key));
    }
  });
});
