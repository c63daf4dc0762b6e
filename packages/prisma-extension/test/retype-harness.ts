import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, vi } from 'vitest';

const here = dirname(fileURLToPath(import.meta.url));
const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js');
const bin = join(here, '../bin/fieldseal-generator.js');

/** Generating takes seconds, and many where the machine is busy. */
const PATIENCE_MS = 300_000;

/** A folder for one test file, whose tests get the time that generating takes. It is below a folder that has node_modules, and hidden, so that no other project takes it in. */
export function temporaryFolder(): string {
  vi.setConfig({ testTimeout: PATIENCE_MS, hookTimeout: PATIENCE_MS });
  const folder = mkdtempSync(join(here, 'generated', '.retype-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A schema with both clients, in the folders `client` and `js`, and our generator at its place among them. */
export function schemaText(
  models: string,
  { provider = 'sqlite', own = '', before = false, client = '', js = '' } = {},
) {
  const fieldseal = `generator fieldseal {\n  provider = ${JSON.stringify(`node ${bin}`)}\n  output = "map"\n${own}\n}`;
  const clients = [
    `generator client {\n  provider = "prisma-client"\n  output = "client"\n${client}\n}`,
    `generator js {\n  provider = "prisma-client-js"\n  output = "js"\n${js}\n}`,
  ];
  const generators = before ? [clients[0], fieldseal, clients[1]] : [...clients, fieldseal];
  return [...generators, `datasource db {\n  provider = "${provider}"\n}`, models, ''].join('\n');
}

/** Runs `prisma generate` in a folder. */
export function generate(folder: string, schema: string, ...args: readonly string[]) {
  const path = join(folder, 'schema.prisma');
  writeFileSync(path, schema);
  // Generating needs no schema engine, but Prisma insists that one exists.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1', NO_COLOR: '1' };
  const command = [prisma, 'generate', '--schema', path, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, env, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}
