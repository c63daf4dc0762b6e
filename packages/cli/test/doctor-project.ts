import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  blindIndexTerm,
  createKeyring,
  defineIndex,
  FieldCipher,
  type FieldSpec,
  type Keyring,
  keyringFile,
  rawKey,
} from '@fieldseal/core';
import { readSchemaMap } from '@fieldseal/prisma/internal';
import type { FindingId } from '../src/doctor/catalogue.ts';
import { fieldseal, type Outcome, parsed } from './harness.ts';

/** Databases that doctor is tested on. */
export type Provider = 'sqlite' | 'postgresql' | 'mysql';

/** A finding as --json shows it. */
export interface ShownFinding {
  readonly id: FindingId;
  readonly severity: string;
  readonly place: string;
  readonly message: string;
  readonly advice: string;
  readonly rows?: number;
}

const KEY = '44'.repeat(32);
const NODE_MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** The schema of a healthy application. */
export function schemaOf(provider: Provider): string {
  const text = provider === 'mysql' ? ' @db.Text' : '';
  const term = provider === 'mysql' ? ' @db.VarChar(191)' : '';
  return [
    'generator client {',
    '  provider = "prisma-client"',
    '  output   = "../src/client"',
    '}',
    'datasource db {',
    `  provider = "${provider}"`,
    '}',
    'model Patient {',
    '  id         String  @id @default(uuid()) @map("patient_id")',
    '  /// @encrypted',
    `  email      String?${text}`,
    '  /// @blindIndex(of: email, normalize: [trim, lowercase])',
    `  emailIndex String? @unique${term} @map("email_index")`,
    '  /// @encrypted',
    `  phone      String?${text}`,
    '  /// @blindIndex(of: phone)',
    `  phoneIndex String?${term}`,
    '  /// @encrypted(bind: [id])',
    `  note       String?${text}`,
    '  /// @encrypted',
    '  photo      Bytes?',
    '  /// @encrypted',
    '  profile    Json?',
    '  @@index([phoneIndex])',
    '  @@map("patients")',
    '}',
    '',
  ].join('\n');
}

/** The same on SQLite with a second column for an index, so that its root can be rotated. */
export const ROTATABLE_SCHEMA: string = schemaOf('sqlite').replace(
  '  /// @encrypted\n  phone ',
  '  /// @blindIndex(next: emailIndex)\n  emailNext String? @unique @map("email_next")\n  /// @encrypted\n  phone ',
);

/** Cells and terms of one keyring. */
export interface Sealed {
  text(value: string): string;
  bytes(value: string): Uint8Array;
  term(field: 'email' | 'phone', value: string): string;
}

/** An application in a folder of its own, which is the working directory until it is removed. */
export class Project {
  readonly folder: string = realpathSync(mkdtempSync(join(tmpdir(), 'fieldseal-doctor-')));
  readonly env: Record<string, string> = { FIELDSEAL_KEY: KEY, FIELDSEAL_KEYRING: join(this.folder, 'keyring.json') };
  readonly #before = process.cwd();
  readonly #keyrings: Keyring[] = [];

  constructor() {
    symlinkSync(NODE_MODULES, join(this.folder, 'node_modules'), 'dir');
    process.chdir(this.folder);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  /** Writes the schema, and a client that was generated from it. */
  schema(text: string): void {
    this.write('prisma/schema.prisma', text);
    this.client(text);
  }

  /** The part of a generated client that carries the schema. */
  client(schema: string): void {
    this.write('src/client/internal/class.ts', `const config = {\n  "inlineSchema": ${JSON.stringify(schema)},\n}\n`);
  }

  /** Makes a keyring at the path of the environment, or another one. */
  async keyring(name = 'keyring.json'): Promise<Keyring> {
    const storage = keyringFile(join(this.folder, name));
    const { keyring, recovery } = await createKeyring({ storage, openers: [rawKey(KEY)] });
    recovery.wipe();
    this.#keyrings.push(keyring);
    return keyring;
  }

  async doctor(...argv: string[]): Promise<Outcome> {
    return fieldseal(['doctor', ...argv], this.env);
  }

  async findings(...argv: string[]): Promise<readonly ShownFinding[]> {
    const { findings } = parsed(await this.doctor('--json', ...argv)) as { findings?: readonly ShownFinding[] };
    if (findings === undefined) throw new Error('doctor ended without a report');
    return findings;
  }

  remove(): void {
    for (const keyring of this.#keyrings) keyring.close();
    process.chdir(this.#before);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What the extension would write under the keys of a scope, or of the application. */
export async function sealed(keyring: Keyring, scope = ''): Promise<Sealed> {
  const view = await keyring.resolve(scope);
  const cipher = new FieldCipher();
  const indexes = readSchemaMap(schemaOf('sqlite')).models['Patient']?.indexes ?? {};
  const spec = (field: string, column: FieldSpec['column']): FieldSpec => ({
    model: 'Patient',
    field,
    context: { model: 'Patient', field },
    column,
    type: column === 'Bytes' ? 'Bytes' : 'String',
    pad: null,
  });
  return {
    text: (value) => cipher.encrypt(view, [{ spec: spec('email', 'String'), value, binding: null }])[0] as string,
    bytes: (value) =>
      cipher.encrypt(view, [
        { spec: spec('photo', 'Bytes'), value: Buffer.from(value), binding: null },
      ])[0] as Uint8Array,
    term: (field, value) => {
      const column = `${field}Index`;
      const map = indexes[column];
      if (map === undefined) throw new Error(`the schema has no index ${column}`);
      const { name, normalize, bits } = map;
      const index = defineIndex({ model: 'Patient', column, name, normalize, bits, sources: [spec(field, 'String')] });
      return blindIndexTerm(view.indexRoot, index, value);
    },
  };
}
