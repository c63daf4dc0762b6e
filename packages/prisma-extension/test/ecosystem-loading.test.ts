import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKeyring, formatRawKey, generateRawKey, keyringFile, rawKey } from '@fieldseal/core';
import { newCanary, scanBytes } from '@fieldseal/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { encryption } from '../src/index.ts';
import { stopServers, typedError, useDatabase } from './harness.ts';

afterAll(stopServers);

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const APPLICATION = join(PACKAGE, 'test/fixtures/application.cjs');

describe('loading', () => {
  const database = useDatabase({ database: 'sqlite', generator: 'client' });
  const canary = newCanary('loading');
  const key = formatRawKey(generateRawKey());
  let folder: string;
  let environment: Record<string, string>;

  beforeAll(async () => {
    folder = database.current.folder as string;
    const keyring = join(folder, 'keyring.json');
    (await createKeyring({ storage: keyringFile(keyring), openers: [rawKey(key)] })).keyring.close();
    environment = {
      DATABASE_URL: `file:${join(folder, 'test.db')}`,
      FIELDSEAL_KEYRING: keyring,
      FIELDSEAL_KEY: key,
      CANARY: canary,
    };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  });
  afterAll(() => vi.unstubAllEnvs());

  function application(args: readonly string[], env: Record<string, string> = {}) {
    const { stdout, stderr, status } = spawnSync(process.execPath, [APPLICATION, ...args], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', ...environment, ...env },
    });
    expect(status, stderr).toBe(0);
    return { stdout, stderr, seen: JSON.parse(stdout) as unknown };
  }

  const works = {
    read: true,
    readByTheOther: true,
    ciphertext: true,
    copies: false,
    refused: 'ERR_UNSUPPORTED_FILTER',
    twice: 'ERR_OPTIONS',
    duplicate: 'PrismaClientKnownRequestError P2002',
    invalid: 'PrismaClientValidationError ',
  };

  it('a CommonJS application requires the built package', () => {
    expect(application([]).seen).toEqual(works);
  });

  it('two copies of the package read the same rows, and are not applied on top of each other', () => {
    const copies = join(folder, 'copy/node_modules');
    const require = createRequire(import.meta.url);
    for (const [name, source] of [
      ['prisma', PACKAGE],
      ['core', dirname(dirname(createRequire(join(PACKAGE, 'package.json')).resolve('@fieldseal/core')))],
    ] as const) {
      const target = join(copies, '@fieldseal', name);
      mkdirSync(target, { recursive: true });
      for (const part of ['lib', 'package.json']) cpSync(join(source, part), join(target, part), { recursive: true });
    }
    const modules = require.resolve('@prisma/client/package.json').replace(/@prisma.client.package\.json$/, '');
    for (const scope of ['@prisma', '@noble']) symlinkSync(join(modules, scope), join(copies, scope));
    const copy = join(copies, '@fieldseal/prisma/lib/index.js');
    expect(application(['@fieldseal/prisma', copy]).seen).toEqual({ ...works, copies: true });
    rmSync(copies, { recursive: true });
  });

  it('DEBUG=prisma:* shows neither plaintext nor keys', () => {
    const { stdout, stderr } = application([], { DEBUG: 'prisma:*' });
    expect(stderr).toMatch(/prisma:client/);
    const keyring = readFileSync(environment['FIELDSEAL_KEYRING'] as string, 'utf8');
    expect(scanBytes(Buffer.from(stdout + stderr), [canary, key, key.slice(5)])).toEqual([]);
    expect(keyring).not.toContain(key.slice(5));
    expect(stderr).toContain('fs1:'); // arguments are shown, as ciphertext
  });

  it('a module that keeps its client over hot reloads has one', async () => {
    const { prisma: first } = await import('./fixtures/next-db.ts');
    vi.resetModules();
    const { prisma: second } = await import('./fixtures/next-db.ts');
    expect(second).toBe(first);
    await first.user.deleteMany();
    await first.user.create({ data: { name: 'n', email: canary } });
    expect(await second.user.findUnique({ where: { email: canary } })).toMatchObject({ email: canary });
    expect((await database.current.plain.user.findFirstOrThrow()).email).toMatch(/^fs1:/);
    await first.$disconnect();
    Reflect.deleteProperty(globalThis, 'fieldsealTestPrisma');
  });

  it('one that extends again what it has kept is refused', () => {
    expect(() => database.current.db.$extends(encryption())).toThrow(typedError('ERR_OPTIONS'));
    expect(() => database.current.db.$extends({ name: 'another' }).$extends(encryption())).toThrow(
      typedError('ERR_OPTIONS'),
    );
  });

  it('a service holds the extended client', async () => {
    const { PrismaService, PatientService } = await import('./fixtures/nest-service.ts');
    const prisma = new PrismaService();
    await prisma.onModuleInit();
    const patients = new PatientService(prisma);
    const { id } = await patients.register(canary);
    expect(await patients.byEmail(canary)).toEqual({ id, email: canary });
    expect((await database.current.plain.user.findFirstOrThrow()).email).toMatch(/^fs1:/);
    await prisma.onModuleDestroy();
  });

  beforeEach(() => database.current.clear());
});
