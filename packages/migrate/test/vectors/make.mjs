/**
 * Writes packages.json: values that the real npm packages encrypted, for tests that read them.
 *
 *     npm install --prefix <folder> @47ng/cloak@1.2.0 @47ng/codec prisma-field-encryption@1.6.0 mongoose-field-encryption@7.0.1 fernet@0.4.0
 *     node packages/migrate/test/vectors/make.mjs <folder>
 *
 * The keys are for tests. Every run makes other ciphertexts, with random IVs.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const require = createRequire(join(resolve(process.argv[2] ?? '.'), 'package.json'));
const cloak = require('@47ng/cloak');
const mongoose = require('mongoose-field-encryption');
const fernet = require('fernet');
const { hashString } = require(join(require.resolve('prisma-field-encryption'), '../hash.js'));

const TEXTS = ['', 'a', 'ada@example.com', 'Zażółć gęślą jaźń 🦭', 'x'.repeat(1000)];

const keys = [cloak.generateKey(), cloak.generateKey()];
const prismaFieldEncryption = { keys, values: [] };
for (const configured of keys)
  for (const text of TEXTS) {
    const sealed = cloak.encryptStringSync(text, cloak.parseKeySync(configured));
    prismaFieldEncryption.values.push({ text, sealed });
  }
const nested = cloak.encryptStringSync(prismaFieldEncryption.values[2].sealed, cloak.parseKeySync(keys[1]));
prismaFieldEncryption.nested = { text: TEXTS[2], sealed: nested };

const hashes = [];
for (const config of [
  {},
  { salt: 'a salt' },
  { outputEncoding: 'base64' },
  { algorithm: 'sha512', normalize: ['lowercase', 'trim'] },
  { normalize: ['diacritics', 'spaces', 'uppercase'] },
  { inputEncoding: 'hex', salt: 'abc' },
]) {
  const text = config.inputEncoding === 'hex' ? 'abc' : ' Zoë\tÀda@Example.com ';
  const full = { algorithm: 'sha256', inputEncoding: 'utf8', outputEncoding: 'hex', normalize: [], ...config };
  hashes.push({ config, text, hash: hashString(text, full) });
}

const secret = 'some long random secret';
const mongooseFieldEncryption = {
  secret,
  values: TEXTS.filter((text) => text !== '').map((text) => ({
    text,
    sealed: mongoose.encrypt(text, hashed(secret), () => require('node:crypto').randomBytes(16)),
  })),
};

const fernetKey = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
const fernetTokens = {
  key: fernetKey,
  values: TEXTS.map((text) => ({
    text,
    sealed: new fernet.Token({ secret: new fernet.Secret(fernetKey) }).encode(text),
  })),
};

writeFileSync(
  new URL('packages.json', import.meta.url),
  `${JSON.stringify({ prismaFieldEncryption, hashes, mongooseFieldEncryption, fernet: fernetTokens }, null, 2)}\n`,
);

/** As the plugin does with its option `secret`. */
function hashed(text) {
  return require('node:crypto').createHash('sha256').update(text).digest('hex').substring(0, 32);
}
