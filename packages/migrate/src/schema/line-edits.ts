/** Lines that are replaced: `remove` of them from `at` on, by others. Edits are in order and do not overlap. */
export interface LineEdit {
  readonly at: number;
  readonly remove: number;
  readonly insert: readonly string[];
}

/** Lines around a change. */
const CONTEXT = 3;

/** The text with its edits. The line ending of the first line is used for all that is inserted. */
export function applyEdits(text: string, edits: readonly LineEdit[]): string {
  const lines = text.split('\n');
  const end = lines[0]?.endsWith('\r') === true ? '\r' : '';
  for (const { at, remove, insert } of [...edits].reverse())
    lines.splice(at, remove, ...insert.map((line) => line + end));
  return lines.join('\n');
}

/** The edits as a unified diff, which `patch` and `git apply` read; no line when there are none. */
export function unifiedDiff(path: string, text: string, edits: readonly LineEdit[]): string[] {
  const lines = text.split('\n');
  const hunks: LineEdit[][] = [];
  for (const edit of edits) {
    const last = hunks.at(-1)?.at(-1);
    if (last !== undefined && edit.at - (last.at + last.remove) <= 2 * CONTEXT) hunks.at(-1)?.push(edit);
    else hunks.push([edit]);
  }
  const diff: string[] = [];
  let shift = 0;
  for (const hunk of hunks) {
    const [first, last] = [hunk[0] as LineEdit, hunk.at(-1) as LineEdit];
    const from = Math.max(0, first.at - CONTEXT);
    const to = Math.min(lines.length - (lines.at(-1) === '' ? 1 : 0), last.at + last.remove + CONTEXT);
    const body: string[] = [];
    let at = from;
    for (const { at: start, remove, insert } of hunk) {
      body.push(...lines.slice(at, start).map((line) => ` ${line}`));
      body.push(...lines.slice(start, start + remove).map((line) => `-${line}`), ...insert.map((line) => `+${line}`));
      at = start + remove;
    }
    body.push(...lines.slice(at, to).map((line) => ` ${line}`));
    const grown = hunk.reduce((sum, { remove, insert }) => sum + insert.length - remove, 0);
    diff.push(`@@ -${from + 1},${to - from} +${from + 1 + shift},${to - from + grown} @@`, ...body);
    shift += grown;
  }
  return diff.length === 0 ? [] : [`--- a/${path}`, `+++ b/${path}`, ...diff];
}
