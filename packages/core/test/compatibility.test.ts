import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { blindIndexTerm } from '../src/blind-index/equality-terms.ts';
import { toHex } from '../src/bytes.ts';
import { FieldCipher } from '../src/field-cipher.ts';
import { createKeyring } from '../src/keyring/create-keyring.ts';
import { formatRawKey, generateRawKey } from '../src/keyring/key-text.ts';
import { rawKey } from '../src/keyring/slot.ts';
import { keyringMemory } from '../src/keyring/storage.ts';
import type { SuiteId } from '../src/suite.ts';
import type { ValueType } from '../src/value.ts';
import { fieldSpec, indexSpec } from './field-specs.ts';
import { indexTerm, openCell, openKeyringText } from './independent-reader.ts';
import { storedText } from './test-keyring.ts';

const SPEC = fileURLToPath(new URL('../../../spec', import.meta.url));
const run = promisify(execFile);

/** Tag and payload of each value by the table of the specification, written by hand. */
const VALUES: readonly (readonly [type: ValueType, value: unknown, tag: number, payload: string, printed: string])[] = [
  ['String', 'Zażółć', 1, '5a61c5bcc3b3c582c487', 'String Zażółć'],
  ['Bytes', Uint8Array.of(0, 0x80, 0), 2, '008000', 'Bytes 008000'],
  ['Int', -42, 3, '2d3432', 'Int -42'],
  ['BigInt', 9n, 4, '39', 'BigInt 9'],
  ['Float', -0, 5, '8000000000000000', 'Float -0.0'],
  ['Decimal', '1.50', 6, '312e35', 'Decimal 1.5'],
  ['Boolean', true, 7, '01', 'Boolean true'],
  ['DateTime', new Date(-1), 8, 'ffffffffffffffff', 'DateTime 1969-12-31T23:59:59.999Z'],
  ['Json', { a: null }, 9, '7b2261223a6e756c6c7d', 'Json {"a":null}'],
];

interface Made {
  readonly key: ReturnType<typeof generateRawKey>;
  readonly text: string;
  /** One cell per value, padded and bound in turn. */
  readonly cells: readonly { readonly cell: string; readonly bound: boolean }[];
  readonly keyId: string;
  readonly term: string;
}

/** What core writes: a keyring that was rotated, cells of its first key, and an index term. */
async function make(suite: SuiteId): Promise<Made> {
  const [key, storage, cipher] = [generateRawKey(), keyringMemory(), new FieldCipher()];
  const { keyring } = await createKeyring({ storage, openers: [rawKey(key)], suite });
  const view = await keyring.resolve('');
  const fields = VALUES.flatMap(([type, value]) =>
    [false, true].map((bound) => ({
      spec: fieldSpec(type, 'String', bound ? 16 : null),
      value,
      binding: bound ? ([['id', 'a=b']] as const) : null,
    })),
  );
  const cells = cipher
    .encrypt(view, fields)
    .map((cell, at) => ({ cell: cell as string, bound: fields[at]?.binding !== null }));
  const [keyId, term] = [view.primary.keyId, blindIndexTerm(view.indexRoot, indexSpec(), 'ada')];
  await keyring.rotate();
  return { key, text: await storedText(storage), cells, keyId, term };
}

describe.each([0x11, 0x12] as const)('an independent implementation, suite %i', (suite) => {
  let made: Made;

  beforeAll(async () => {
    made = await make(suite);
  });

  it('opens the keyring, and the cells with the key from it', () => {
    const keys = openKeyringText(made.text, made.key.expose());
    expect(keys.map(({ purpose }) => purpose)).toEqual(['data', 'data', 'index']);
    const dek = keys.find(({ keyId }) => keyId === made.keyId)?.key as Uint8Array;
    const opened = made.cells.map(({ cell, bound }) =>
      openCell(dek, 'Patient', 'notes', cell, bound ? ['id', 'a=b'] : []),
    );
    const expected = VALUES.flatMap(([, , type, payload]) => [`${type} ${payload}`, `${type} ${payload}`]);
    expect(opened.map(({ type, payload }) => `${type} ${toHex(payload)}`)).toEqual(expected);
  });

  it('makes the same index term', () => {
    const root = openKeyringText(made.text, made.key.expose()).find(({ purpose }) => purpose === 'index')
      ?.key as Uint8Array;
    expect(indexTerm(root, 1, ['Patient', 'notes', 'eq'], 'ada', 128)).toBe(made.term);
  });

  it('opens nothing with another key, in another place, or altered', () => {
    const dek = openKeyringText(made.text, made.key.expose()).find(({ keyId }) => keyId === made.keyId)
      ?.key as Uint8Array;
    const { cell } = made.cells[0] as { cell: string };
    expect(() => openKeyringText(made.text, generateRawKey().expose())).toThrow();
    expect(() => openKeyringText(made.text.replace(/"generation": \d+/, '"generation": 9'), made.key.expose())).toThrow(
      'altered',
    );
    expect(() => openCell(dek, 'Patient', 'name', cell)).toThrow();
    expect(() => openCell(dek, 'Patient', 'notes', cell, ['id', 'a=b'])).toThrow();
    expect(() =>
      openCell(
        dek.map((byte) => byte ^ 1),
        'Patient',
        'notes',
        cell,
      ),
    ).toThrow('another key');
  });
});

/** A Python that has PyNaCl, if this machine has one. */
async function pythonWithNacl(): Promise<string | undefined> {
  for (const python of ['/usr/bin/python3', 'python3']) {
    if (
      await run(python, ['-c', 'import nacl.bindings']).then(
        () => true,
        () => false,
      )
    )
      return python;
  }
  return undefined;
}

describe('the scripts of the specification', () => {
  it('are short, and import nothing but PyNaCl and the standard library', async () => {
    const known = ['base64', 'datetime', 'hashlib', 'hmac', 'json', 'nacl', 'os', 'struct', 'sys'];
    for (const [script, lines] of [
      ['open_cell.py', 40],
      ['open_keyring.py', 60],
    ] as const) {
      const text = await readFile(join(SPEC, script), 'utf8');
      expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(lines);
      const imported = [...text.matchAll(/^(?:import|from) ([^\n]*?)(?: import .*)?$/gm)].flatMap(([, names]) =>
        (names ?? '').split(', '),
      );
      for (const name of imported) expect(known).toContain(name.split('.')[0]);
      expect(text).not.toMatch(/argv\[?.*(DEK|KEY)/);
    }
  });

  it('open keyring and cells where Python has PyNaCl; elsewhere the keys are those that the independent implementation finds', async () => {
    const { key, text, cells, keyId } = await make(0x11);
    const folder = await mkdtemp(join(tmpdir(), 'fieldseal-compatibility-'));
    const expected = openKeyringText(text, key.expose()).map(
      (one) => `${one.purpose} ${one.keyId} ${toHex(one.key)} enabled ${one.scope}\n`,
    );
    try {
      const path = join(folder, 'keyring.json');
      await writeFile(path, text);
      const python = await pythonWithNacl();
      const env = { PYTHONIOENCODING: 'utf-8', FIELDSEAL_KEY: formatRawKey(key) };
      const printed =
        python === undefined
          ? expected.join('')
          : (await run(python, [join(SPEC, 'open_keyring.py'), path], { env })).stdout;
      expect(printed).toBe(expected.join(''));
      const dek = new RegExp(`^data ${keyId} ([0-9a-f]{64}) `, 'm').exec(printed)?.[1] ?? '';
      expect(openCell(Buffer.from(dek, 'hex'), 'Patient', 'notes', cells[0]?.cell ?? '').type).toBe(1);
      if (python === undefined) return;
      const open = (cell: string, ...rest: string[]) =>
        run(python, [join(SPEC, 'open_cell.py'), 'Patient', ...rest.slice(0, 1), cell, ...rest.slice(1)], {
          env: { ...env, FIELDSEAL_DEK: dek },
        });
      for (const [at, { cell, bound }] of cells.entries()) {
        const { stdout } = await open(cell, 'notes', ...(bound ? ['id=a=b'] : []));
        expect(stdout).toBe(`${VALUES[at >> 1]?.[4]}\n`);
      }
      const { cell } = cells[0] as { cell: string };
      const wrong = [
        [cell, 'name'],
        [cell, 'notes', 'id=1'],
        [`${cell}=`, 'notes'],
        [`fs1:${'A'.repeat(68)}`, 'notes'],
      ] as const;
      for (const [altered, ...rest] of wrong) {
        await expect(open(altered, ...rest)).rejects.toMatchObject({ code: 1, stdout: '' });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
