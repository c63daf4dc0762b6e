import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import type { LegacyReader } from '@fieldseal/core';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { describe, expect, it, test } from 'vitest';
import {
  type CipherSweetType,
  cipherSweet,
  fernet,
  type LockboxType,
  lockbox,
  mongooseFieldEncryption,
  type PrismaHash,
  prismaFieldEncryption,
  prismaHash,
  railsEncryption,
  vaultTransit,
} from '../src/index.ts';
import { codeOf } from './error-code.ts';

interface Sealed {
  readonly text: string;
  readonly sealed: string;
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`vectors/${name}`, import.meta.url), 'utf8'));
const packages = read('packages.json') as {
  readonly prismaFieldEncryption: { readonly keys: string[]; readonly values: Sealed[]; readonly nested: Sealed };
  readonly hashes: { readonly config: PrismaHash; readonly text: string; readonly hash: string }[];
  readonly mongooseFieldEncryption: { readonly secret: string; readonly values: Sealed[] };
  readonly fernet: { readonly key: string; readonly values: Sealed[] };
};
const ruby = read('ruby.json') as {
  readonly lockbox: {
    readonly attribute: { masterKey: string; table: string; attribute: string; key: string };
    readonly value: Sealed & { key: string };
  };
  readonly rails: Sealed & { key: string; salt: string; digest: 'sha1' };
};
const sweet = read('ciphersweet.json') as {
  readonly table: string;
  readonly sets: {
    readonly name: string;
    readonly key: string;
    readonly values: (Sealed & { column: string; type: CipherSweetType })[];
  }[];
};

const opens = (reader: LegacyReader, { sealed, text }: Sealed): void => {
  expect(reader.recognizes(sealed)).toBe(true);
  expect(reader.open(sealed)).toBe(text);
  expect(reader.open(Uint8Array.from(Buffer.from(sealed)))).toBe(text); // a column of bytes that holds the text
};

describe('prisma-field-encryption', () => {
  const { keys, values, nested } = packages.prismaFieldEncryption;
  const reader = prismaFieldEncryption({ keys });

  it('opens what it wrote, under every key', () => {
    for (const value of values) opens(reader, value);
  });

  it('knows a key by both of its spellings, and by spaces around it', () => {
    const [first = '', second = ''] = keys;
    const bare = prismaFieldEncryption({ keys: [` ${first.replace('=', '')}`, ` ${second} `] });
    for (const value of values) opens(bare, value);
  });

  it('does not open a value under a key that is not given', () => {
    const one = prismaFieldEncryption({ keys: keys.slice(1) });
    expect(codeOf(() => one.open(values[0]?.sealed ?? ''))).toBe('ERR_KEY_UNKNOWN');
  });

  it('refuses values that were encrypted twice, or opens all layers on request', () => {
    expect(codeOf(() => reader.open(nested.sealed))).toBe('ERR_VALUE');
    opens(prismaFieldEncryption({ keys, nested: 'unwrap' }), nested);
    // What looks like a layer under no known key is somebody's text.
    const inner = nested.sealed.replace('v1.aesgcm256.', '');
    expect(reader.recognizes(inner)).toBe(false);
  });

  it.each(['', 'k1.aesgcm256.', 'k2.aesgcm256.AAAA', `k1.aesgcm256.${'A'.repeat(42)}`, 'k1.aesgcm256.!'])(
    'refuses %o as a key',
    (key) => expect(codeOf(() => prismaFieldEncryption({ keys: [key] }))).toBe('ERR_KEY_INVALID'),
  );

  it.each(packages.hashes)('hashes as it did: $config', ({ config, text, hash }) => {
    expect(prismaHash(text, config)).toBe(hash);
  });

  it('refuses a digest that does not exist', () => {
    expect(codeOf(() => prismaHash('a', { algorithm: 'none' }))).toBe('ERR_OPTIONS');
  });
});

describe('rails', () => {
  const { key, salt, digest } = ruby.rails;
  const secret = pbkdf2Sync('primary', salt, 2 ** 16, 32, 'sha256');
  const reader = railsEncryption({ keys: ['older', 'primary'], salt });
  const seal = (plaintext: Buffer, headers: object = {}, under = secret): string => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', under, iv);
    const payload = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    const at = cipher.getAuthTag().toString('base64');
    return JSON.stringify({ p: payload.toString('base64'), h: { iv: iv.toString('base64'), at, ...headers } });
  };

  it("opens the fixed value of Rails' own tests", () => {
    opens(railsEncryption({ keys: [key], salt, digests: [digest] }), ruby.rails);
    opens(railsEncryption({ keys: [key], salt, digests: ['sha256', digest] }), ruby.rails);
  });

  it('opens compressed, encoded and envelope values', () => {
    const text = 'take cover! '.repeat(20);
    opens(reader, { text, sealed: seal(deflateSync(Buffer.from(text)), { c: true }) });
    const ascii = Buffer.from('US-ASCII').toString('base64');
    opens(reader, { text: 'plain', sealed: seal(Buffer.from('plain'), { e: ascii, i: 'YWJjZA==' }) });
    const binary = Buffer.from('ASCII-8BIT').toString('base64');
    expect(reader.open(seal(Buffer.of(255, 0), { e: binary }))).toEqual(Buffer.of(255, 0));
    const own = randomBytes(32);
    opens(reader, {
      text: 'wrapped',
      sealed: seal(Buffer.from('wrapped'), { k: JSON.parse(seal(own)) as object }, own),
    });
  });

  it.each([
    ['another key', seal(Buffer.from('a'), {}, randomBytes(32)), 'ERR_DECRYPT'],
    [
      'a wrapped key of another length',
      seal(Buffer.from('a'), { k: JSON.parse(seal(randomBytes(16))) as object }),
      'ERR_DECRYPT',
    ],
    [
      'a message in an envelope in an envelope',
      seal(Buffer.from('a'), { k: JSON.parse(seal(randomBytes(32), { k: {} })) as object }),
      'ERR_CELL_FORMAT',
    ],
    ['another encoding', seal(Buffer.from('a'), { e: Buffer.from('Shift_JIS').toString('base64') }), 'ERR_VALUE'],
    ['bytes that are not UTF-8', seal(Buffer.of(0xff)), 'ERR_VALUE'],
    ['compression that is none', seal(Buffer.from('a'), { c: true }), 'ERR_VALUE'],
    ['a compressed bomb', seal(deflateSync(Buffer.alloc(65 * 1024 * 1024)), { c: true }), 'ERR_VALUE'],
    ['a tag of 4 bytes', seal(Buffer.from('a'), { at: 'AAAAAA==' }), 'ERR_CELL_FORMAT'],
    ['no headers', '{"p":"AA=="}', 'ERR_CELL_FORMAT'],
    ['no JSON', '{"p":', 'ERR_CELL_FORMAT'],
  ])('refuses %s', (_, sealed, code) => {
    expect(codeOf(() => reader.open(sealed))).toBe(code);
  });

  it.each([
    { keys: [], salt: 'a' },
    { keys: [''], salt: 'a' },
    { keys: ['a'], salt: '' },
  ])('refuses %o', (options) => expect(codeOf(() => railsEncryption(options))).toBe('ERR_KEY_INVALID'));
});

describe('lockbox', () => {
  const { attribute, value } = ruby.lockbox;
  const key = Buffer.from(attribute.key, 'hex');
  const seal = (plaintext: Uint8Array): string => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, iv);
    return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString('base64');
  };
  const typed = (type: LockboxType, padding = 0) => lockbox({ keys: [attribute], type, padding });

  it('opens the fixed value of its own tests, and derives the fixed key', () => {
    const reader = lockbox({ keys: ['11'.repeat(32), value.key] });
    expect(reader.open(value.sealed)).toBe(value.text);
    expect(reader.open(Buffer.from(value.sealed, 'base64'))).toBe(value.text); // a binary column
    expect(typed('string').open(seal(Buffer.from('derived')))).toBe('derived');
  });

  it.each(['xchacha20', 'xsalsa20'] as const)('opens %s', (algorithm) => {
    const nonce = randomBytes(24);
    const cipher = algorithm === 'xchacha20' ? xchacha20poly1305 : xsalsa20poly1305;
    const sealed = Buffer.concat([nonce, cipher(key, nonce).encrypt(Buffer.from('ada'))]);
    const reader = lockbox({ keys: [attribute], algorithm });
    expect(reader.open(sealed.toString('base64'))).toBe('ada');
    sealed[30] = (sealed[30] as number) ^ 1;
    expect(codeOf(() => reader.open(sealed.toString('base64')))).toBe('ERR_DECRYPT');
  });

  it('takes padding away, and refuses other padding', () => {
    const block = Buffer.alloc(16);
    block.write('it works!');
    block[9] = 0x80;
    expect(typed('string', 16).open(seal(block))).toBe('it works!');
    for (const bytes of [Buffer.from('it works!'), Buffer.alloc(16), Buffer.alloc(16, 1)])
      expect(codeOf(() => typed('string', 16).open(seal(bytes)))).toBe('ERR_DECRYPT');
  });

  it.each([
    ['integer', Buffer.from('fffffffffffffffe', 'hex'), '-2'],
    ['float', Buffer.from('3ff8000000000000', 'hex'), '1.5'],
    ['boolean', Buffer.from('t'), 'true'],
    ['decimal', Buffer.from('1.50'), '1.50'],
    ['datetime', Buffer.from('2026-01-02T03:04:05.678000000Z'), '2026-01-02T03:04:05.678Z'],
    ['json', Buffer.from('{"a":1}'), '{"a":1}'],
  ] as const)('reads the type %s', (type, bytes, text) => {
    expect(typed(type).open(seal(bytes))).toBe(text);
  });

  it.each([
    ['integer', Buffer.alloc(7)],
    ['float', Buffer.alloc(0)],
    ['boolean', Buffer.from('x')],
    ['datetime', Buffer.from('2026-01-02T03:04:05.678900000Z')],
    ['datetime', Buffer.from('yesterday')],
    ['string', Buffer.of(0xff)],
  ] as const)('refuses bytes that are no %s', (type, bytes) => {
    expect(codeOf(() => typed(type).open(seal(bytes)))).toBe('ERR_VALUE');
  });

  it('stores the empty text as it is, which it takes for one unless padded', () => {
    expect(typed('string').recognizes('')).toBe(true);
    expect(typed('string').open('')).toBe('');
    expect(codeOf(() => typed('string', 16).open(''))).toBe('ERR_CELL_FORMAT');
    expect(typed('string').recognizes('ada@example.com')).toBe(false);
  });

  it.each([[], ['00'], ['zz'.repeat(32)]])('refuses the keys %o', (...keys: string[]) => {
    expect(codeOf(() => lockbox({ keys }))).toBe('ERR_KEY_INVALID');
  });
});

describe.each(sweet.sets)('ciphersweet $name', ({ key, values }) => {
  const { table } = sweet;

  it.each(values)('opens the known answer $column $text', (value) => {
    opens(cipherSweet({ key, table, column: value.column, type: value.type }), value);
  });

  it('does not open a value of another column, table or associated data', () => {
    const { sealed = '', column = '' } = values[0] ?? {};
    for (const other of [
      { table, column: 'other' },
      { table: 'other', column },
      { table, column, aad: 'x' },
    ])
      expect(codeOf(() => cipherSweet({ key, ...other }).open(sealed))).toBe('ERR_DECRYPT');
  });

  it('refuses a type that the bytes are not of', () => {
    const { sealed = '', column = '' } = values[0] ?? {};
    for (const type of ['int', 'float', 'bool'] as const)
      expect(codeOf(() => cipherSweet({ key, table, column, type }).open(sealed))).toBe('ERR_VALUE');
  });
});

describe('fernet', () => {
  const { key, values } = packages.fernet;

  it('opens tokens of the npm package, under any of several keys', () => {
    const other = randomBytes(32).toString('base64url');
    for (const value of values) opens(fernet({ keys: [other, key] }), value);
    expect(fernet({ keys: [key], content: 'bytes' }).open(values[1]?.sealed ?? '')).toEqual(
      new Uint8Array(Buffer.from('a')),
    );
  });

  it.each([[], ['short'], [`${'A'.repeat(42)}%=`]])('refuses the keys %o', (...keys: string[]) => {
    expect(codeOf(() => fernet({ keys }))).toBe('ERR_KEY_INVALID');
  });
});

describe('mongoose-field-encryption', () => {
  const { secret, values } = packages.mongooseFieldEncryption;
  const reader = mongooseFieldEncryption({ secret });

  it('opens what the plugin wrote', () => {
    for (const value of values) opens(reader, value);
  });

  it('refuses its older mode, which has no IV', () => {
    expect(reader.recognizes('8a3f')).toBe(false);
    expect(codeOf(() => reader.open('8a3f'))).toBe('ERR_CELL_FORMAT');
  });

  it('refuses an empty secret', () => {
    expect(codeOf(() => mongooseFieldEncryption({ secret: '' }))).toBe('ERR_KEY_INVALID');
  });
});

describe('vault transit', () => {
  const answers: Readonly<Record<string, string>> = {
    'vault:v1:AAAA': 'YWRh',
    'vault:v2:AAAA': '/w==',
    'vault:v3:AAAA': '',
  };
  const asked: (readonly string[])[] = [];
  const decrypt = async (ciphertexts: readonly string[]) => {
    asked.push(ciphertexts);
    return ciphertexts.map((text) => answers[text] ?? null);
  };
  const codes = (opened: readonly unknown[]) =>
    opened.map((one) => (one instanceof Error ? (one as unknown as { code: string }).code : one));

  it('asks for many at once, and tells what does not open', async () => {
    const reader = vaultTransit({ decrypt, batch: 3 });
    const stored = ['vault:v1:AAAA', 'vault:v0:AAAA', 'vault:v2:AAAA', 'vault:v9:AAAA', 'vault:v3:AAAA'];
    expect(stored.every((text) => reader.recognizes(text))).toBe(true);
    expect(codes(await reader.openAll(stored))).toEqual(['ada', 'ERR_CELL_FORMAT', 'ERR_VALUE', 'ERR_DECRYPT', '']);
    expect(asked).toEqual([
      ['vault:v1:AAAA', 'vault:v2:AAAA'],
      ['vault:v9:AAAA', 'vault:v3:AAAA'],
    ]);
    expect(await vaultTransit({ decrypt, content: 'bytes' }).openAll(['vault:v2:AAAA'])).toEqual([Uint8Array.of(255)]);
  });

  it('gives nothing when answers are missing, or Vault is away', async () => {
    const some = vaultTransit({ decrypt: async () => [] });
    await expect(some.openAll(['vault:v1:AAAA'])).rejects.toMatchObject({ code: 'ERR_DECRYPT' });
    const away = vaultTransit({ decrypt: () => Promise.reject(new Error('away')) });
    await expect(away.openAll(['vault:v1:AAAA'])).rejects.toThrow('away');
  });
});

const { keys } = packages.prismaFieldEncryption;
const [boring, nacl, nist] = sweet.sets;
const authenticated: readonly [name: string, reader: LegacyReader, sealed: string][] = [
  ['prisma-field-encryption', prismaFieldEncryption({ keys }), packages.prismaFieldEncryption.values[2]?.sealed ?? ''],
  ['lockbox', lockbox({ keys: [ruby.lockbox.value.key] }), ruby.lockbox.value.sealed],
  ['rails', railsEncryption({ keys: [ruby.rails.key], salt: ruby.rails.salt, digests: ['sha1'] }), ruby.rails.sealed],
  ['fernet', fernet({ keys: [packages.fernet.key] }), packages.fernet.values[2]?.sealed ?? ''],
  ...[boring, nacl, nist].map((set): [string, LegacyReader, string] => [
    `ciphersweet ${set?.name}`,
    cipherSweet({ key: set?.key ?? '', table: sweet.table, column: 'name' }),
    set?.values[0]?.sealed ?? '',
  ]),
];

/** What stands for the same bytes: bits of the last character that base64 does not use, upper case in a fingerprint, spaces in JSON. */
const sameBytes = (changed: string, sealed: string): boolean => {
  const bytes = (text: string) =>
    text
      .split(/[.:"]/)
      .map((part) => Buffer.from(part, 'base64').toString('hex'))
      .join();
  return bytes(changed) === bytes(sealed) || changed.toLowerCase() === sealed.toLowerCase();
};

test.each(authenticated)('malleability: every changed character of %s is noticed', (_, reader, sealed) => {
  const plaintext = reader.open(sealed);
  for (let at = 0; at < sealed.length; at++) {
    for (const other of ['A', 'B', '9', '!']) {
      const changed = `${sealed.slice(0, at)}${other}${sealed.slice(at + 1)}`;
      if (sameBytes(changed, sealed)) continue;
      let opened: unknown;
      try {
        opened = reader.recognizes(changed) ? reader.open(changed) : undefined;
      } catch (error) {
        expect((error as { code?: string }).code).toMatch(/^ERR_(DECRYPT|CELL_FORMAT|KEY_UNKNOWN|VALUE)$/);
      }
      expect(opened === undefined, `${changed} at ${at}`).toBe(true);
    }
    const cut = sealed.slice(0, at);
    if (reader.recognizes(cut) && cut !== '' && !sameBytes(cut, sealed))
      expect(codeOf(() => reader.open(cut))).toMatch(/^ERR_/);
  }
  expect(plaintext).not.toBe('');
});
