import { isFieldsealError } from '@fieldseal/core';
import { expect } from 'vitest';
import { PlaintextGuard } from '../src/guard/plaintext-guard.ts';
import { readSchemaMap } from '../src/schema/read-schema.ts';
import type { SchemaMap } from '../src/schema/schema-map.ts';

/** A schema with every kind of annotated column. */
export const MAP: SchemaMap = readSchemaMap(`
datasource db {
  provider = "postgresql"
}
model User {
  id         Int      @id
  name       String?
  /// @encrypted
  email      String?
  /// @blindIndex(of: email)
  emailIndex String?  @map("email_index")
  /// @encrypted
  photo      Bytes?
  /// @encrypted
  profile    Json?
  /// @encrypted
  tags       String[]
  /// @encrypted(mode: migrating)
  moving     String?
}
model Contact {
  id    Int     @id
  email String?
}
model Secret {
  id   Int     @id
  /// @encrypted
  text String? @map("the_text")
  @@map("secret_rows")
  @@schema("vault")
}
`);

/** A cell, though no key opens it. */
export const BYTES = Uint8Array.from({ length: 60 }, (_, at) => (at === 0 ? 0x11 : (at * 37) % 256));
export const HEX = Buffer.from(BYTES).toString('hex');
export const CELL = `fs1:${Buffer.from(BYTES).toString('base64url')}`;
export const TERM = '1.0123456789abcdef0123456789abcdef';
export const PLAIN = 'ada@example.com';

export type Provider = 'postgres' | 'sqlite' | 'mysql' | 'sqlserver';
/** A statement, with the arguments and their types. */
export type Case = readonly [provider: Provider, sql: string, args?: readonly unknown[], types?: readonly object[]];
export interface Sent {
  readonly args?: readonly unknown[];
  readonly types?: readonly object[];
}

const guards = new Map<Provider, PlaintextGuard>();

/** `passes`, or the code of the error. */
export function verdict(provider: Provider, sql: string, { args = [], types = [] }: Sent = {}): string {
  const guard = guards.get(provider) ?? new PlaintextGuard(provider, MAP);
  guards.set(provider, guard);
  try {
    guard.check(sql, args, types);
    return 'passes';
  } catch (error) {
    if (!isFieldsealError(error)) throw error;
    expect(error.message).not.toContain(PLAIN);
    return error.code;
  }
}
