import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import type { EngineName } from '../src/aead/engine.ts';
import { toHex } from '../src/bytes.ts';
import type { BoundColumn } from '../src/context.ts';
import type { Channels } from '../src/events.ts';
import { FieldCipher, type PlainField, type StoredField } from '../src/field-cipher.ts';
import type { ColumnType, FieldSpec } from '../src/field-spec.ts';
import { deriveKeyId } from '../src/kdf.ts';
import type { KeyStatus } from '../src/key-store/keyset-record.ts';
import { DataKey, IndexRoot, type KeyView } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import type { SuiteId } from '../src/suite.ts';
import { VALUE_TYPES, type ValueType } from '../src/value.ts';
import { codeOf } from './error-code.ts';
import { fieldSpec } from './field-specs.ts';

const ENGINES: readonly EngineName[] = ['simd', 'native', 'noble'];
const BINDING: readonly BoundColumn[] = [['id', 'row-1']];

const SAMPLES: Record<ValueType, readonly unknown[]> = {
  String: ['', 'ada@example.com', 'Zażółć 👩‍⚕️', 'x'.repeat(3000)],
  Bytes: [new Uint8Array(0), Uint8Array.from({ length: 300 }, (_, at) => at)],
  Int: [0, -2147483648, 2147483647],
  BigInt: [0n, -9223372036854775808n],
  Float: [-0, 0.1, Number.MIN_VALUE],
  Decimal: ['0', '-1234.56'],
  Boolean: [true, false],
  DateTime: [new Date(0), new Date(-1)],
  Json: [null, {}, { b: [1, 'é'], a: 'x' }, 'text'],
};

function dataKey(byte = 1, suite: SuiteId = 0x11): DataKey {
  const dek = SecretBytes.take(new Uint8Array(32).fill(byte));
  return new DataKey(deriveKeyId(dek), suite, dek);
}

/** A view in which the first key is the primary. */
function keyView(keys: readonly DataKey[] = [dataKey()], statuses: readonly [string, KeyStatus][] = []): KeyView {
  const indexRoot = new IndexRoot('', 1, SecretBytes.take(new Uint8Array(32)));
  return {
    scope: '',
    primary: keys[0] as DataKey,
    indexRoot,
    indexRoots: [indexRoot],
    keys: new Map(keys.map((key) => [key.keyId, key])),
    statuses: new Map([...keys.map((key) => [key.keyId, 'enabled'] as const), ...statuses]),
  };
}

function plain(
  value: unknown,
  spec: FieldSpec = fieldSpec(),
  binding: readonly BoundColumn[] | null = null,
): PlainField {
  return { spec, value, binding };
}

function store(field: PlainField, view: KeyView = keyView(), cipher: FieldCipher = new FieldCipher()): StoredField {
  const [stored] = cipher.encrypt(view, [field]);
  return { spec: field.spec, stored, binding: field.binding };
}

function open(field: StoredField, view: KeyView = keyView(), cipher: FieldCipher = new FieldCipher()): unknown {
  return cipher.decrypt(view, cipher.parse([field]))[0];
}

function events<N extends keyof Channels>(name: N, work: () => unknown): Channels[N][] {
  const seen: Channels[N][] = [];
  const listen = (event: unknown): void => void seen.push(event as Channels[N]);
  subscribe(name, listen);
  try {
    work();
  } finally {
    unsubscribe(name, listen);
  }
  return seen;
}

describe.each(ENGINES)('FieldCipher on %s', (engine) => {
  const cipher = new FieldCipher({ engine });

  it('brings back every type from every column, padded or not, bound or not, under both suites', () => {
    let count = 0;
    for (const suite of [0x11, 0x12] as const) {
      const view = keyView([dataKey(1, suite)]);
      for (const type of VALUE_TYPES) {
        for (const column of ['String', 'Bytes', 'Json'] as const) {
          for (const pad of [null, 16]) {
            for (const binding of [null, BINDING]) {
              const fields = SAMPLES[type].map((value) => plain(value, fieldSpec(type, column, pad), binding));
              const stored = cipher
                .encrypt(view, fields)
                .map((one, at) => ({ ...(fields[at] as PlainField), stored: one }));
              for (const one of stored)
                expect(column === 'Bytes' ? one.stored instanceof Uint8Array : typeof one.stored === 'string').toBe(
                  true,
                );
              const values = cipher.decrypt(view, cipher.parse(stored));
              expect(values.map(comparable)).toStrictEqual(SAMPLES[type].map(comparable));
              count += values.length;
            }
          }
        }
      }
    }
    expect(count).toBe(2 * Object.values(SAMPLES).flat().length * 3 * 2 * 2);
  });

  it('opens what the other engine wrote', () => {
    const other = new FieldCipher({ engine: engine === 'native' ? 'noble' : 'native' });
    expect(open(store(plain('ada'), keyView(), other), keyView(), cipher)).toBe('ada');
  });

  it('does nothing on an empty batch', () => {
    expect([cipher.encrypt(keyView(), []), cipher.parse([]), cipher.decrypt(keyView(), [])]).toEqual([[], [], []]);
  });

  it('never writes the same value twice in the same way', () => {
    const cells = cipher.encrypt(
      keyView(),
      Array.from({ length: 500 }, () => plain('ada')),
    );
    expect(new Set(cells).size).toBe(500);
  });

  it('is named', () => {
    expect(cipher.engine).toBe(engine);
  });
});

function comparable(value: unknown): unknown {
  return value instanceof Uint8Array ? toHex(value) : value;
}

describe('a cell does not open', () => {
  const sound = store(plain('ada', fieldSpec(), BINDING));
  const places: readonly (readonly [string, StoredField])[] = [
    ['in another field', { ...sound, spec: { ...sound.spec, context: { model: 'Patient', field: 'name' } } }],
    ['in another model', { ...sound, spec: { ...sound.spec, context: { model: 'User', field: 'notes' } } }],
    ['in another row', { ...sound, binding: [['id', 'row-2']] }],
    ['bound by another column', { ...sound, binding: [['ref', 'row-1']] }],
    [
      'bound by one more column',
      {
        ...sound,
        binding: [
          ['id', 'row-1'],
          ['tenant', 'acme'],
        ],
      },
    ],
    ['unbound', { ...sound, binding: null }],
    ['damaged', { ...sound, stored: damaged(sound.stored as string) }],
  ];

  it.each(places)('%s', (_what, field) => {
    expect(open(sound)).toBe('ada');
    expect(codeOf(() => open(field))).toBe('ERR_DECRYPT');
  });

  it('with a reason: all failures read the same', () => {
    const messages = places.map(([, field]) =>
      messageOf(() => open({ ...field, spec: { ...field.spec, model: 'M', field: 'f' } })),
    );
    expect(new Set(messages).size).toBe(1);
  });

  it('bound, where it was written unbound', () => {
    expect(codeOf(() => open({ ...store(plain('ada')), binding: BINDING }))).toBe('ERR_DECRYPT');
  });

  it('under its key in another suite', () => {
    expect(codeOf(() => open(store(plain('ada'), keyView([dataKey(1, 0x11)])), keyView([dataKey(1, 0x12)])))).toBe(
      'ERR_DECRYPT',
    );
  });

  it('as another type', () => {
    for (const type of VALUE_TYPES.filter((other) => other !== 'String')) {
      expect(codeOf(() => open({ ...store(plain('1')), spec: fieldSpec(type) }))).toBe('ERR_VALUE_TYPE');
    }
  });
});

function damaged(text: string): string {
  return text.slice(0, 30) + (text[30] === 'A' ? 'B' : 'A') + text.slice(31);
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return '';
}

describe('the key of a cell', () => {
  const old = dataKey(1);
  const cell = store(plain('ada'), keyView([old]));

  it('may be another than the primary', () => {
    expect(open(cell, keyView([dataKey(2), dataKey(1)]))).toBe('ada');
  });

  it.each<[KeyStatus | null, string]>([
    [null, 'ERR_KEY_UNKNOWN'],
    ['disabled', 'ERR_KEY_DISABLED'],
    ['destroyed', 'ERR_KEY_DESTROYED'],
  ])('is reported, with its id, when its status is %s', (status, code) => {
    const view = keyView([dataKey(2)], status === null ? [] : [[old.keyId, status]]);
    expect(codeOf(() => open(cell, view))).toBe(code);
    expect(() => open(cell, view)).toThrow(
      expect.objectContaining({ keyId: old.keyId, model: 'Patient', field: 'notes' }),
    );
    expect(messageOf(() => open(cell, view))).toContain(old.keyId);
  });

  it('is never guessed: another key under its id opens nothing', () => {
    const view = keyView([dataKey(2)]);
    const impostor: KeyView = { ...view, keys: new Map([[old.keyId, dataKey(2)]]) };
    expect(codeOf(() => open(cell, impostor))).toBe('ERR_DECRYPT');
  });

  it('encrypts nothing after it was wiped', () => {
    const view = keyView([dataKey(3)]);
    view.primary.wipe();
    expect(codeOf(() => store(plain('ada'), view))).toBe('ERR_KEY_WIPED');
    expect(codeOf(() => open(store(plain('ada'), keyView([dataKey(3)])), view))).toBe('ERR_KEY_WIPED');
  });
});

describe('parse refuses', () => {
  it.each<[ColumnType, string, unknown]>([
    ['String', 'plain text', 'ada@example.com'],
    ['String', 'the empty text', ''],
    ['String', 'null', null],
    ['String', 'undefined', undefined],
    ['String', 'a number', 5],
    ['String', 'bytes', store(plain('a', fieldSpec('String', 'Bytes'))).stored],
    ['String', 'an object', { toString: () => store(plain('a')).stored }],
    ['Json', 'a parsed object', { name: 'ada' }],
    ['Json', 'a list', []],
    ['Json', 'plain text', 'ada'],
    ['Json', 'a truncated cell', (store(plain('a')).stored as string).slice(0, 60)],
    ['Bytes', 'the text of a cell', store(plain('a')).stored],
    ['Bytes', 'plain bytes', new TextEncoder().encode('x'.repeat(100))],
    ['Bytes', 'no bytes', new Uint8Array(0)],
    ['Bytes', 'an ArrayBuffer', new ArrayBuffer(100)],
    ['Bytes', 'numbers', [17, 1, 2]],
  ])('in a %s column: %s', (column, _what, stored) => {
    const field = { spec: fieldSpec('String', column), stored, binding: null };
    expect(codeOf(() => new FieldCipher().parse([field]))).toBe('ERR_CELL_FORMAT');
    expect(() => new FieldCipher().parse([field])).toThrow(
      expect.objectContaining({ model: 'Patient', field: 'notes' }),
    );
  });
});

describe('a batch fails as a whole', () => {
  const cipher = new FieldCipher();

  it('when a value is not of its type; nothing is counted', () => {
    const view = keyView();
    expect(codeOf(() => cipher.encrypt(view, [plain('ada'), plain(5), plain('bob')]))).toBe('ERR_VALUE');
    expect(view.primary.messages).toBe(0);
  });

  it('when a binding is empty', () => {
    expect(codeOf(() => cipher.encrypt(keyView(), [plain('ada'), plain('bob', fieldSpec(), [])]))).toBe('ERR_VALUE');
    expect(codeOf(() => open({ ...store(plain('ada')), binding: [] }))).toBe('ERR_VALUE');
  });

  it('when one value is no cell, or does not open', () => {
    const [one, two] = [store(plain('ada')), store(plain('bob'))];
    expect(codeOf(() => cipher.parse([one, { ...two, stored: 'bob' }]))).toBe('ERR_CELL_FORMAT');
    const forged = cipher.parse([one, { ...two, stored: damaged(two.stored as string) }]);
    expect(codeOf(() => cipher.decrypt(keyView(), forged))).toBe('ERR_DECRYPT');
    expect(codeOf(() => cipher.decrypt(keyView([dataKey(2)]), cipher.parse([one])))).toBe('ERR_KEY_UNKNOWN');
  });

  it('when the key is worn out', () => {
    const view = keyView();
    view.primary.count(2 ** 48 - 1);
    expect(codeOf(() => cipher.encrypt(view, [plain('ada'), plain('bob')]))).toBe('ERR_KEY_EXHAUSTED');
    expect(cipher.encrypt(view, [plain('ada')])).toHaveLength(1);
    expect(codeOf(() => cipher.encrypt(view, [plain('ada')]))).toBe('ERR_KEY_EXHAUSTED');
  });

  it('and an error that is not ours comes through as it is', () => {
    const hostile = {
      ...plain('ada'),
      get value(): unknown {
        throw new RangeError('from outside');
      },
    };
    expect(() => cipher.encrypt(keyView(), [hostile])).toThrow(RangeError);
  });
});

describe.each(ENGINES)('keys on %s', (engine) => {
  const cipher = new FieldCipher({ engine });

  it('that a value wipes on the way are not used as zeros', () => {
    const view = keyView();
    const value = {
      toJSON: () => {
        view.primary.wipe();
        return {};
      },
    };
    const fields = [plain('ada'), plain(value, fieldSpec('Json'))];
    cipher.encrypt(view, [plain('warm')]);
    expect(codeOf(() => cipher.encrypt(view, fields))).toBe('ERR_KEY_WIPED');
    expect(codeOf(() => cipher.encrypt(view, [plain('ada')]))).toBe('ERR_KEY_WIPED');
  });

  it('of several versions are told apart in one batch, whatever their order', () => {
    const views = [1, 2].map((byte) => keyView([dataKey(byte)]));
    const stored = Array.from({ length: 50 }, (_, at) => store(plain(`value ${at}`), views[at % 2] as KeyView, cipher));
    const both = keyView([dataKey(3), dataKey(2), dataKey(1)]);
    expect(cipher.decrypt(both, cipher.parse(stored))).toEqual(stored.map((_, at) => `value ${at}`));
    expect(codeOf(() => cipher.decrypt(views[0] as KeyView, cipher.parse(stored)))).toBe('ERR_KEY_UNKNOWN');
  });

  it('of several fields are told apart, by what they are derived from', () => {
    const specs = ['a', 'b', 'c', 'd'].map((field) => ({
      ...fieldSpec(),
      field,
      context: { model: 'Patient', field },
    }));
    const fields = Array.from({ length: 40 }, (_, at) => plain(`value ${at}`, specs[at % 4] as FieldSpec));
    const stored = cipher.encrypt(keyView(), fields).map((one, at) => ({ ...(fields[at] as PlainField), stored: one }));
    const copies = stored.map((one) => ({ ...one, spec: structuredClone(one.spec) }));
    expect(cipher.decrypt(keyView(), cipher.parse(copies))).toEqual(fields.map(({ value }) => value));
    const swapped = stored.map((one, at) => ({ ...one, spec: specs[(at + 1) % 4] as FieldSpec }));
    expect(codeOf(() => cipher.decrypt(keyView(), cipher.parse(swapped)))).toBe('ERR_DECRYPT');
  });
});

describe.each(ENGINES)('texts on %s', (engine) => {
  const cipher = new FieldCipher({ engine });

  it('of any length and script come back, beside other types, in batches of any size', () => {
    const values = ['', 'ada', '\ufeffmark', 'Zażółć', '👩‍⚕️'.repeat(50), 'x'.repeat(5000), 'é'.repeat(5000), '\0'];
    for (const size of [1, 2, 3, 4, 5, 130, 300]) {
      const fields = Array.from({ length: size }, (_, at) =>
        at % 5 === 4 ? plain(at, fieldSpec('Int')) : plain(values[at % values.length]),
      );
      const stored = cipher
        .encrypt(keyView(), fields)
        .map((one, at) => ({ ...(fields[at] as PlainField), stored: one }));
      expect(cipher.decrypt(keyView(), cipher.parse(stored))).toEqual(fields.map(({ value }) => value));
    }
  });

  it('with a lone surrogate, and values of another type, are refused', () => {
    for (const value of ['\ud800', 'a\udc00b', 5, null, undefined, {}, ['ada'], new String('ada')])
      expect(codeOf(() => cipher.encrypt(keyView(), [plain('ada'), plain(value)]))).toBe('ERR_VALUE');
  });

  it('that are malformed are refused by parse, with the place, wherever they stand in the batch', () => {
    const sound = cipher.encrypt(
      keyView(),
      Array.from({ length: 9 }, () => plain('ada')),
    ) as string[];
    const [cell = ''] = sound;
    const malformed = [
      `${cell}=`,
      `${cell}\n`,
      cell.replace('fs1:', 'fs2:'),
      `${cell.slice(0, -1)}é`,
      cell.slice(0, 70),
    ];
    for (const bad of malformed) {
      for (let at = 0; at < sound.length; at++) {
        const fields = sound.map((stored, other) => ({ ...plain(''), stored: other === at ? bad : stored }));
        expect(() => cipher.parse(fields)).toThrow(
          expect.objectContaining({ code: 'ERR_CELL_FORMAT', model: 'Patient', field: 'notes' }),
        );
      }
    }
  });
});

describe('the channels of node:diagnostics_channel', () => {
  const cipher = new FieldCipher({ engine: 'noble' });

  it('tell of batches', () => {
    const view = keyView();
    const seen = events('fieldseal:cipher', () => {
      const spec = fieldSpec();
      const fields = ['ada', 'bob'].map((value) => plain(value, spec));
      const stored = cipher.encrypt(view, fields).map((one, at) => ({ ...(fields[at] as PlainField), stored: one }));
      cipher.decrypt(view, cipher.parse(stored));
    });
    const fields = [{ model: 'Patient', field: 'notes', count: 2 }];
    const ms = expect.any(Number);
    const size = 2 * (4 + Math.ceil(((50 + 3) * 4) / 3)); // characters of two texts of 3 bytes
    expect(seen).toEqual([
      { operation: 'encrypt', count: 2, fields, older: 0, size, engine: 'noble', ms },
      { operation: 'decrypt', count: 2, fields, older: 0, size, engine: 'noble', ms },
    ]);
    for (const { ms } of seen) expect(ms).toBeGreaterThanOrEqual(0);
  });

  it('tell of refusals, by place and code only', () => {
    const cell = store(plain('ada'), keyView([dataKey(2)]));
    const place = { model: 'Patient', field: 'notes' };
    const seen = events('fieldseal:failure', () => {
      expect(codeOf(() => cipher.parse([{ ...cell, stored: 'canary' }]))).toBe('ERR_CELL_FORMAT');
      expect(codeOf(() => cipher.encrypt(keyView(), [plain(5)]))).toBe('ERR_VALUE');
      expect(codeOf(() => open(cell, keyView(), cipher))).toBe('ERR_KEY_UNKNOWN');
      expect(codeOf(() => open({ ...cell, binding: BINDING }, keyView([dataKey(2)]), cipher))).toBe('ERR_DECRYPT');
    });
    const keyId = dataKey(2).keyId;
    expect(seen).toEqual([
      { code: 'ERR_CELL_FORMAT', ...place, keyId: undefined },
      { code: 'ERR_VALUE', ...place, keyId: undefined },
      { code: 'ERR_KEY_UNKNOWN', ...place, keyId },
      { code: 'ERR_DECRYPT', ...place, keyId },
    ]);
  });

  it('tell nothing of a batch that failed', () => {
    expect(events('fieldseal:cipher', () => codeOf(() => cipher.encrypt(keyView(), [plain(5)])))).toEqual([]);
  });
});

describe('messages', () => {
  it('name the place once', () => {
    expect(messageOf(() => open({ ...store(plain('ada')), binding: BINDING }))).toMatch(
      /^a cell could not be opened \(Patient\.notes\) \[ERR_DECRYPT\]\. /,
    );
    expect(messageOf(() => store(plain(5)))).toMatch(
      /^a value is not a valid String .*\(Patient\.notes\) \[ERR_VALUE\]\. /,
    );
  });
});
