import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchError } from './bench-error.ts';
import { WORKSPACE } from './folders.ts';

/** What an application installs to use us, Prisma itself left out. */
const PACKAGES = ['packages/core', 'packages/prisma-extension'];

/** Sizes in bytes. */
export interface InstallSize {
  /** Packages on disk, ours included. */
  readonly packages: number;
  /** The archives of ours, as npm downloads them. */
  readonly packed: number;
  /** All files on disk. */
  readonly total: number;
}

/**
 * Packs core and the Prisma extension and installs the archives into an empty folder. Peers are left out: the application has them.
 *
 * @throws BenchError when npm fails
 */
export function installSize(): InstallSize {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-size-'));
  try {
    const sources = PACKAGES.map((name) => `./${name}`);
    npm(WORKSPACE, ['pack', ...sources, '--pack-destination', folder, '--ignore-scripts', '--silent']);
    const archives = readdirSync(folder).map((name) => join(folder, name));
    const packed = archives.reduce((sum, path) => sum + statSync(path).size, 0);
    const target = join(folder, 'application');
    npm(folder, [
      'install',
      '--prefix',
      target,
      '--omit=dev',
      '--omit=peer',
      '--legacy-peer-deps',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--silent',
      ...archives,
    ]);
    const files = filesIn(join(target, 'node_modules'));
    return {
      packages: files.filter((path) => /node_modules[/\\](@[^/\\]+[/\\])?[^/\\@]+[/\\]package\.json$/.test(path))
        .length,
      packed,
      total: files.reduce((sum, path) => sum + statSync(path).size, 0),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function npm(cwd: string, args: readonly string[]): void {
  const child = spawnSync('npm', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  if (child.status === 0) return;
  throw new BenchError(`npm ${args[0]} failed: ${(child.error?.message ?? (child.stderr || child.stdout)).trim()}`);
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) throw new BenchError('npm installed nothing');
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name !== '.package-lock.json')
    .map((entry) => join(entry.parentPath, entry.name));
}
