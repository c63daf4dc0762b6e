import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PACKAGE } from './folders.ts';
import { progress, secondsSince } from './progress.ts';

/** Folder of the packages that are compared. It is no workspace, so that only the benchmarks install it. */
const FOLDER = join(PACKAGE, 'rivals');

/**
 * Installs the packages that are compared, as their lock file names them, unless that was done before.
 *
 * @returns null, or why they cannot be installed
 */
export function installRivals(): string | null {
  const installed = statSync(join(FOLDER, 'node_modules/.package-lock.json'), { throwIfNoEntry: false });
  if (installed !== undefined && installed.mtimeMs >= statSync(join(FOLDER, 'package-lock.json')).mtimeMs) return null;
  const started = performance.now();
  progress('installing the packages that are compared');
  const { status, stderr, error } = spawnSync(
    'npm',
    ['ci', '--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund'],
    {
      cwd: FOLDER,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
      shell: process.platform === 'win32',
    },
  );
  if (status !== 0) return `npm ci failed: ${(error?.message ?? stderr).trim().split('\n', 1)[0]}`;
  progress(`installed the packages that are compared (${secondsSince(started)})`);
  return null;
}

/** Imports one of them. Their types are not ours to trust: the caller states what it uses. */
export async function importRival<Module>(name: string): Promise<Module> {
  const path = createRequire(join(FOLDER, 'package.json')).resolve(name);
  const module = (await import(pathToFileURL(path).href)) as { default?: Module } & Module;
  // CommonJS: not every export is found by name.
  return module.default ?? module;
}

/** Name and version of every one of them, as asked for. */
export function rivalVersions(): { name: string; version: string }[] {
  const manifest = JSON.parse(readFileSync(join(FOLDER, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return Object.entries(manifest.dependencies)
    .filter(([name]) => existsSync(join(FOLDER, 'node_modules', name)))
    .map(([name, version]) => ({ name, version }));
}
