// Adds the other platforms' optional packages to package-lock.json. npm writes a lock without them when a registry mirror
// does not serve every platform, and then `npm ci` refuses it. Run by `npm run lock` after each change of a dependency.
import { readFileSync, writeFileSync } from 'node:fs';

const file = 'package-lock.json';
const lock = JSON.parse(readFileSync(file, 'utf8'));
const systems = [
  ['darwin'],
  ['win32'],
  ['windows', 'win32'],
  ['linux'],
  ['freebsd'],
  ['android'],
  ['openharmony'],
  ['wasm32-wasi', 'any'],
];
const processors = [
  ['arm64'],
  ['x64'],
  ['-64', 'x64'],
  ['ia32'],
  ['riscv64'],
  ['s390x'],
  ['ppc64'],
  ['arm'],
  ['loong64'],
  ['wasm32', 'any'],
];
const pick = (table, name) => {
  const row = table.find(([word]) => name.includes(word));
  return row?.[1] ?? row?.[0];
};

let added = 0;
for (const [at, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const known = `node_modules/${name}` in lock.packages || `${at}/node_modules/${name}` in lock.packages;
    if (known || !/^\d/.test(version)) continue;
    const os = pick(systems, name);
    const cpu = pick(processors, name);
    if (!os || !cpu) throw new Error(`cannot tell the platform of ${name}`);
    const platform = os === 'any' || cpu === 'any' ? { cpu: ['wasm32'] } : { os: [os], cpu: [cpu] };
    lock.packages[`node_modules/${name}`] = { version, ...(entry.dev && { dev: true }), optional: true, ...platform };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
// Untouched where nothing is missing: a newer lock file makes the next set-up install again.
if (added > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`complete-lock: ${added} platform packages added\n`);
