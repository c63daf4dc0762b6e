import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { FieldsealError } from '../src/errors.ts';
import type { CipherEvent } from '../src/events.ts';
import { FieldCipher } from '../src/field-cipher.ts';
import type { ReadWatch } from '../src/read-watch.ts';
import { codeOf } from './error-code.ts';
import { fieldSpec } from './field-specs.ts';
import { viewOf } from './test-view.ts';

function recorder(refuses = false): ReadWatch & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    admit: (count) => {
      calls.push(`admit ${count}`);
      if (refuses) throw new FieldsealError('ERR_READ_STOPPED', 'reading was stopped');
    },
    opened: (cells) => void calls.push(`opened ${cells.length}`),
    failed: (code) => void calls.push(`failed ${code}`),
  };
}

const view = viewOf(0x11, 1);
const text = fieldSpec();
const bytes = fieldSpec('String', 'Bytes');
const plain = { spec: text, value: 'ada', binding: null };
const ENGINES = ['simd', 'native', 'noble'] as const;

function stored(spec = text): { spec: typeof text; stored: unknown; binding: null } {
  const [cell] = new FieldCipher().encrypt(view, [{ spec, value: 'ada', binding: null }]);
  return { spec, stored: cell, binding: null };
}

test.each([
  ['text', text],
  ['bytes', bytes],
])('a batch of %s is asked for once and told of once, on either way', (_, spec) => {
  const watch = recorder();
  const cipher = new FieldCipher({ watch: [watch] });
  const cells = [stored(spec), stored(spec)];
  expect(cipher.read(view, cells)).toEqual(['ada', 'ada']);
  expect(watch.calls.splice(0)).toEqual(['admit 2', 'opened 2']);
  cipher.decrypt(view, cipher.parse(cells));
  expect(watch.calls).toEqual(['admit 2', 'opened 2']);
});

test('a refusal opens nothing, on either way', () => {
  const [first, watch] = [recorder(true), recorder()];
  const cipher = new FieldCipher({ watch: [first, watch] });
  const cells = [stored()];
  expect(codeOf(() => cipher.read(view, cells))).toBe('ERR_READ_STOPPED');
  expect(codeOf(() => cipher.decrypt(view, cipher.parse(cells)))).toBe('ERR_READ_STOPPED');
  expect(watch.calls).toEqual([]);
  expect(cipher.encrypt(view, [{ spec: text, value: 'ada', binding: null }])).toHaveLength(1);
});

test('failures are told by code, and a batch that fails is not told as opened', () => {
  const watch = recorder();
  const cipher = new FieldCipher({ watch: [watch] });
  const cell = stored();
  const damaged = { ...cell, stored: `${String(cell.stored).slice(0, -4)}AAAA` };
  expect(codeOf(() => cipher.read(view, [cell, damaged]))).toBe('ERR_DECRYPT');
  expect(codeOf(() => cipher.read(view, [{ ...cell, stored: 'plaintext' }]))).toBe('ERR_CELL_FORMAT');
  expect(watch.calls).toEqual(['admit 2', 'failed ERR_DECRYPT', 'admit 1', 'failed ERR_CELL_FORMAT']);
});

test.each([...ENGINES])(
  'the event counts values that are under an older key, on either way of reading, on %s',
  (engine) => {
    const [old, primary] = [viewOf(0x11, 2), viewOf(0x11, 3)];
    const both = {
      ...primary,
      keys: new Map([...primary.keys, ...old.keys]),
      statuses: new Map([...primary.statuses, ...old.statuses]),
    };
    const cipher = new FieldCipher({ engine });
    const cells = [old, primary].map((view) => ({ ...stored(), stored: cipher.encrypt(view, [plain])[0] }));
    const seen: CipherEvent[] = [];
    const listen = (event: unknown): void => void seen.push(event as CipherEvent);
    subscribe('fieldseal:cipher', listen);
    cipher.read(both, cells);
    cipher.decrypt(both, cipher.parse(cells));
    unsubscribe('fieldseal:cipher', listen);
    expect(seen.map(({ older, count }) => [older, count])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  },
);
