import type { ArchiveEntry } from './archive.ts';

/** Bytes of an entry of lines, about: small enough to be held in memory several times. */
const CHUNK_BYTES = 1024 * 1024;

/** Archive entries of JSON lines: `<folder>/<n>.ndjson`, numbered from 1. Nothing but one entry is held in memory. */
export async function* lineEntries(folder: string, records: AsyncIterable<unknown>): AsyncGenerator<ArchiveEntry> {
  let lines: string[] = [];
  let characters = 0;
  let number = 0;
  const entry = (): ArchiveEntry => {
    const content = Buffer.from(lines.join(''));
    const made = { name: `${folder}/${++number}.ndjson`, content, count: lines.length };
    lines = [];
    characters = 0;
    return made;
  };
  for await (const record of records) {
    const line = `${JSON.stringify(record)}\n`;
    lines.push(line);
    characters += line.length;
    if (characters >= CHUNK_BYTES) yield entry();
  }
  if (lines.length > 0) yield entry();
}

/** The records of an entry of JSON lines. Throws a SyntaxError for what is none; entries agree with their digests when they are read. */
export function parseLines(content: Buffer): unknown[] {
  const text = content.toString('utf8');
  return text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
}
