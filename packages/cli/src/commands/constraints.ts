import { CONSTRAINT_PROVIDERS, checkConstraints, readSchemaMap } from '@fieldseal/prisma/internal';
import type { Command } from '../command.ts';
import { readSchemaFile } from '../schema-file.ts';

/** `fieldseal constraints` */
export const constraints: Command = {
  name: 'constraints',
  summary: 'print SQL that makes the database refuse plaintext',
  details: [
    'Prints CHECK constraints, or triggers on SQLite, for every encrypted column and index column of a schema. Nothing is executed: put the\n' +
      'SQL into a migration. On SQLite do so again after each migration that builds a table anew, which drops its triggers.',
    'Existing rows must be encrypted first. PostgreSQL looks at them in the VALIDATE statements at the end only.',
  ],
  positionals: [],
  options: {
    schema: {
      value: 'path',
      help: 'schema file or folder; prisma/schema.prisma, schema.prisma or prisma/schema by default',
    },
    provider: { value: 'provider', help: 'database; that of the schema by default', choices: CONSTRAINT_PROVIDERS },
    drop: { help: 'print SQL that removes them' },
  },
  audit: 'none',
  run: async ({ options }) => {
    const { path, text, provider } = await readSchemaFile(options['schema']);
    const database = options['provider'] ?? provider;
    const sql = checkConstraints(readSchemaMap(text), database, 'drop' in options);
    const lines = sql.split('\n').slice(0, -1);
    const statements = lines.filter((line) => !line.startsWith('--'));
    const nothing = lines.length === 0 ? ['the schema has no encrypted field'] : [];
    return { lines, json: { schema: path, provider: database, statements }, warnings: nothing };
  },
};
