import type { ColumnType, FieldsealError } from '@fieldseal/core';
import type { ParsedField } from './schema-map.ts';

/** Native column types (`@db.…`) that hold a cell whatever its size. `VarChar` and `VarBinary` are checked by their length. */
const UNBOUNDED: Readonly<Record<ColumnType, readonly string[]>> = {
  String: ['Text', 'MediumText', 'LongText', 'Citext'],
  Bytes: ['ByteA', 'Blob', 'MediumBlob', 'LongBlob', 'Bytes'],
  Json: ['Json', 'JsonB'],
};

const BOUNDED: Readonly<Record<ColumnType, readonly string[]>> = {
  String: ['VarChar'],
  Bytes: ['VarBinary'],
  Json: [],
};

/** Databases that make a short column of a `String` without a native type: VARCHAR(191), NVARCHAR(1000). */
const SHORT_STRINGS: readonly string[] = ['mysql', 'sqlserver'];

/** Sizes of MySQL's types of text and bytes, in bytes. It cuts what is longer where duplicates are skipped, and says nothing. */
const MYSQL_SIZES: Readonly<Record<string, number>> = {
  Text: 65_535,
  Blob: 65_535,
  MediumText: 16_777_215,
  MediumBlob: 16_777_215,
};

/** Smallest length that is accepted: a cell of 32 bytes of text takes 114 characters or 82 bytes. */
const MIN_LENGTH: Readonly<Record<ColumnType, number>> = { String: 128, Bytes: 96, Json: 0 };

/** Digits that the version in front of a term may take, with its dot. */
const VERSION_CHARACTERS = 5;

type Refuse = (message: string) => FieldsealError;

/** Refuses a native type that cannot hold cells: another kind of value, fixed width, or too short. */
export function checkCellColumn(
  column: ColumnType,
  native: ParsedField['nativeType'],
  provider: string,
  refuse: Refuse,
): void {
  if (native === null && column === 'String' && SHORT_STRINGS.includes(provider)) {
    throw refuse(`${provider} makes a short column of String; say @db.Text or give a length`);
  }
  if (native === null || UNBOUNDED[column].includes(native[0])) return;
  const [name, [length]] = native;
  if (!BOUNDED[column].includes(name)) throw refuse(`@db.${name} cannot hold ciphertext; use ${UNBOUNDED[column][0]}`);
  if (length !== undefined && Number(length) < MIN_LENGTH[column]) {
    const size = column === 'String' ? '4 + ⌈(n + 50) × 4 ÷ 3⌉ characters' : 'n + 50 bytes';
    throw refuse(
      `@db.${name}(${length}) is too short: a value of n bytes takes ${size}, and ${MIN_LENGTH[column]} is the least accepted`,
    );
  }
}

/** The longest cell that a column takes, in characters or bytes, which are the same for cells; null where nothing short of 1 GB limits it. */
export function cellLimit(native: ParsedField['nativeType'], provider: string): number | null {
  if (native === null) return null;
  const [name, [length]] = native;
  return length === undefined ? ((provider === 'mysql' ? MYSQL_SIZES[name] : undefined) ?? null) : Number(length);
}

/** Refuses a native type that cannot hold index terms of so many bits. */
export function checkTermColumn(bits: number, native: ParsedField['nativeType'], refuse: Refuse): void {
  if (native === null || UNBOUNDED.String.includes(native[0])) return;
  const [name, [length]] = native;
  const needed = Math.ceil(bits / 4) + VERSION_CHARACTERS;
  if (name !== 'VarChar') throw refuse(`@db.${name} cannot hold index terms; use Text or VarChar(${needed})`);
  if (length !== undefined && Number(length) < needed)
    throw refuse(`@db.VarChar(${length}) is too short for index terms; use VarChar(${needed})`);
}
