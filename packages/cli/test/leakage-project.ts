import {
  type BoundColumn,
  defineIndex,
  FieldCipher,
  type FieldSpec,
  type Keyring,
  type KeyView,
  storedTerms,
} from '@fieldseal/core';
import { type ModelMap, readSchemaMap } from '@fieldseal/prisma/internal';
import type { Provider } from './doctor-project.ts';
import type { Target } from './doctor-target.ts';
import { zipfRows } from './zipf.ts';

/** Rows of the table: enough for the attack, and few enough to be quick. */
export const ROWS = 600;
const CITIES = 60;

/** A schema with an index of every kind that has one term a row, and on PostgreSQL one with many. */
export function leakageSchema(provider: Provider, more: readonly string[] = []): string {
  const text = provider === 'mysql' ? ' @db.Text' : '';
  const term = provider === 'mysql' ? ' @db.VarChar(191)' : '';
  return [
    'datasource db {',
    `  provider = "${provider}"`,
    '}',
    'model Patient {',
    '  id        Int     @id',
    '  tag       String',
    '  /// @encrypted(bind: [id, tag])',
    `  city      String?${text}`,
    '  /// @blindIndex(of: city, normalize: [trim, lowercase])',
    `  cityIndex String?${term}`,
    '  /// @blindIndex(of: city, partitions: 8)',
    `  cityFlat  String?${term}`,
    '  /// @blindIndex(of: city, kind: prefix, min: 4, max: 4)',
    `  cityStart String?${term}`,
    '  /// @encrypted(pad: 16)',
    `  blood     String?${text}`,
    '  /// @blindIndex(of: blood)',
    `  bloodIndex String?${term}`,
    '  /// @blindIndex(of: [city, blood])',
    `  bothIndex String?${term}`,
    '  /// @encrypted(type: Int)',
    `  age       String?${text}`,
    '  /// @blindIndex(of: age, kind: range, from: 0, to: 100, step: 5)',
    `  ageIndex  String?${term}`,
    '  /// @encrypted',
    '  badge     Bytes?',
    '  /// @blindIndex(of: badge)',
    `  badgeIndex String?${term}`,
    ...(provider === 'postgresql' ? ['  /// @blindIndex(of: city, kind: ngram, n: 3)', '  cityGrams String[]'] : []),
    ...more,
    '}',
    '',
  ].join('\n');
}

/** A made-up patient. */
export type Patient = Readonly<Record<'city' | 'blood', string> & { age: number; badge: Uint8Array }>;

/** Patients whose cities follow Zipf's law, and whose badges no two share. */
export function patients(
  name: (city: number) => string = (city) => ` Town-${String(city).padStart(3, '0')}`,
): Patient[] {
  return [...zipfRows(ROWS, CITIES, 'patients').values].map((city, at) => ({
    city: name(city),
    blood: ['A', 'B', 'AB', 'O'][(at * 7) % 4] as string,
    age: (at * 37) % 97,
    badge: Buffer.from(`badge ${at}`),
  }));
}

/** Makes the table anew with rows as the extension would write them. */
export async function fillTable(
  target: Target,
  provider: Provider,
  keyring: Keyring,
  rows: readonly Patient[],
  scope = '',
): Promise<void> {
  const map = readSchemaMap(leakageSchema(provider)).models['Patient'] as ModelMap;
  const view = await keyring.resolve(scope);
  const types = { sqlite: ['TEXT', 'BLOB'], postgresql: ['TEXT', 'BYTEA'], mysql: ['TEXT', 'LONGBLOB'] }[provider];
  const columns = [...Object.keys(map.encrypted), ...Object.keys(map.indexes)];
  const typed = columns.map((column) => {
    const type = column === 'badge' ? types[1] : types[0];
    return `"${column}" ${map.indexes[column]?.list === true ? `${type}[]` : type}`;
  });
  await target.run('DROP TABLE IF EXISTS "Patient"');
  await target.run(`CREATE TABLE "Patient" ("id" INTEGER, "tag" TEXT, ${typed.join(', ')})`);
  const writer = new RowWriter(view, map);
  const names = ['id', 'tag', ...columns].map((column) => `"${column}"`).join(', ');
  for (let at = 0; at < rows.length; at += 200) {
    const lines = rows
      .slice(at, at + 200)
      .map((row, offset) => `(${writer.literals(at + offset, row, columns).join(', ')})`);
    await target.run(`INSERT INTO "Patient" (${names}) VALUES ${lines.join(', ')}`);
  }
}

class RowWriter {
  readonly #cipher = new FieldCipher();
  readonly #view: KeyView;
  readonly #map: ModelMap;

  constructor(view: KeyView, map: ModelMap) {
    this.#view = view;
    this.#map = map;
  }

  /** Literals of SQL. */
  literals(id: number, row: Patient, columns: readonly string[]): string[] {
    return [String(id), `'tag${id}'`, ...columns.map((column) => this.#literal(id, row, column))];
  }

  #literal(id: number, row: Patient, column: string): string {
    const index = this.#map.indexes[column];
    if (index === undefined) {
      const binding: BoundColumn[] | null =
        column === 'city'
          ? [
              ['id', String(id)],
              ['tag', `tag${id}`],
            ]
          : null;
      const value = row[column as keyof Patient];
      const [cell] = this.#cipher.encrypt(this.#view, [{ spec: this.#spec(column), value, binding }]);
      return typeof cell === 'string' ? `'${cell}'` : `X'${Buffer.from(cell as Uint8Array).toString('hex')}'`;
    }
    const { of, kind, name, normalize, bits, partitions, min, max, n, range } = index;
    const [first, ...rest] = of.map((field) => this.#spec(field));
    const parameters = { kind, name, normalize, bits, partitions, min, max, n, range };
    const spec = defineIndex({ model: 'Patient', column, sources: [first as FieldSpec, ...rest], ...parameters });
    const [terms] = storedTerms(this.#view.indexRoot, [
      { index: spec, values: of.map((field) => row[field as keyof Patient]) },
    ]);
    return typeof terms === 'string' ? `'${terms}'` : `'{${terms?.join(',')}}'`;
  }

  #spec(field: string): FieldSpec {
    const { context, column, type, pad } = this.#map.encrypted[field] as ModelMap['encrypted'][string];
    return { model: 'Patient', field, context, column, type, pad };
  }
}
