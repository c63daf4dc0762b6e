/** Rules for the package.json files: what npm users get from each package must be consistent. */
import { readFileSync } from 'node:fs';

const EXACT = /^(npm:(@[\w-]+\/)?[\w-]+@)?\d+\.\d+\.\d+/;

/**
 * Every broken rule, as `file: problem`.
 *
 * @param {readonly string[]} files - paths from the root, of which only package.json files are looked at
 * @param {(file: string) => string} read
 */
export function manifestViolations(files, read = (file) => readFileSync(file, 'utf8')) {
  const all = files
    .filter((file) => /(^|\/)package\.json$/.test(file))
    .map((file) => ({ file, manifest: JSON.parse(read(file)) }));
  const root = all.find(({ file }) => file === 'package.json')?.manifest;
  const members = all.filter(({ file }) => file !== 'package.json');
  const version = members.find(({ manifest }) => !manifest.private)?.manifest.version;
  return members.flatMap(({ file, manifest }) =>
    problems(manifest, root, version, members).map((problem) => `${file}: ${problem}`),
  );
}

function problems(manifest, root, version, members) {
  const found = [];
  if (manifest.type !== 'module') found.push('the packages are ES modules');
  if (manifest.license !== root.license) found.push(`the licence is ${root.license}`);
  if (!manifest.private) {
    if (manifest.version !== version) found.push(`public packages share one version, ${version}`);
    if (manifest.engines?.node !== root.engines.node) found.push(`engines.node is ${root.engines.node}`);
    if (!manifest.description) found.push('the description is missing');
  }
  const groups = ['dependencies', 'devDependencies', 'optionalDependencies'];
  for (const [name, range] of groups.flatMap((group) => Object.entries(manifest[group] ?? {}))) {
    const ours = members.find((member) => member.manifest.name === name)?.manifest;
    if (!EXACT.test(range)) found.push(`${name} is not pinned to one version`);
    if (ours !== undefined && range !== ours.version) found.push(`${name} is ${ours.version}, not ${range}`);
  }
  return found;
}
