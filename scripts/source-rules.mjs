/**
 * Rules of style that need no parser. Each looks at one file and returns what is wrong with it, one line each.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const LONGEST_FILE = 450;
// Written apart, so that the rule does not find itself.
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);
const VAGUE_NAME = /^(utils?|common|misc|helpers?|shared|stuff)\.[cm]?[jt]s$/;
const EXPORTED = /^export (?:declare |abstract |async |default )*(?:function\*?|const|class|interface|type) (\w+)/;

const isCode = (file) => /\.[cm]?[jt]s$/.test(file);
const isSource = (file) => /^packages\/[^/]+\/src\/.*\.ts$/.test(file);
const isFacade = (file) => /^packages\/[^/]+\/src\/index\.ts$/.test(file);

const RULES = [
  {
    applies: isCode,
    problems: (lines) =>
      lines.length > LONGEST_FILE ? [`${lines.length} lines; a file has at most ${LONGEST_FILE}`] : [],
  },
  {
    applies: isCode,
    problems: (_lines, file) =>
      VAGUE_NAME.test(basename(file)) ? ['the name of a file is the one noun that it holds'] : [],
  },
  {
    applies: (file) => isCode(file) || /\.(md|ya?ml|json)$/.test(file),
    problems: (lines) => linesWith(lines, UNFINISHED, 'unfinished mark'),
  },
  {
    applies: isFacade,
    problems: (lines) => facadeProblems(lines.join('\n')),
  },
  {
    applies: isSource,
    problems: (lines) => linesWith(lines, /^\s*export \* /, 'names that are exported are named one by one'),
  },
  {
    applies: isSource,
    problems: (lines) => linesWith(lines, /\bNODE_ENV\b/, 'nothing depends on NODE_ENV'),
  },
  {
    applies: isSource,
    problems: (lines) => linesWith(lines, /@ts-(?:ignore|nocheck)\b/, 'the type checker is not silenced'),
  },
  {
    applies: isSource,
    problems: undocumented,
  },
];

/**
 * Every broken rule, as `file: problem` or `file:line: problem`.
 *
 * @param {readonly string[]} files - paths from the root
 * @param {(file: string) => string} read
 */
export function ruleViolations(files, read = (file) => readFileSync(file, 'utf8')) {
  return files.flatMap((file) => {
    const rules = RULES.filter(({ applies }) => applies(file));
    if (rules.length === 0) return [];
    const lines = read(file).replace(/\n$/, '').split('\n');
    return rules
      .flatMap(({ problems }) => problems(lines, file))
      .map((problem) => `${file}${problem.startsWith(':') ? '' : ': '}${problem}`);
  });
}

function linesWith(lines, pattern, problem) {
  return lines.flatMap((line, index) => (pattern.test(line) ? [`:${index + 1}: ${problem}`] : []));
}

/** A facade holds `export { … } from` and `export type { … } from`, comments, and nothing else. */
function facadeProblems(text) {
  const rest = text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
    .replaceAll(/export (?:type )?\{[^}]*\} from '[^']+';/g, '');
  return rest.trim() === '' ? [] : ['a facade only re-exports by name'];
}

/** Every exported name has a doc comment right above it; overloads share the one of the first. */
function undocumented(lines) {
  const documented = new Set();
  return lines.flatMap((line, index) => {
    const name = EXPORTED.exec(line)?.[1];
    if (name === undefined || documented.has(name)) return [];
    if (/\*\/\s*$/.test(lines[index - 1] ?? '')) {
      documented.add(name);
      return [];
    }
    return [`:${index + 1}: ${name} has no doc comment`];
  });
}
